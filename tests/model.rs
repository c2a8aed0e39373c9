//! The engine under random operations, against plain maps.
//!
//! A seed decides everything: chunk limits, operations, when two engines (two tabs) on one database take turns. After every
//! step the engine's answers equal the model's and `verify` finds nothing. A seed that fails is printed;
//! `HOARDB_SEED=<n> cargo test --test model` replays it (see `support/seeds.rs`).
#![cfg(not(target_arch = "wasm32"))]

mod support;

use hoardb::backend::memory::Memory;
use hoardb::blob::{Attachment, CollectOptions, Hash, sha256};
use hoardb::session::ChunkLimits;
use hoardb::store::{Document, Documents, ListQuery, Options, Store, Write, Written};
use std::collections::{BTreeMap, BTreeSet};
use support::*;

/// A value in the model: a text and the attachment it carries, if any.
#[derive(Debug, Clone, PartialEq)]
struct Value {
    n: u64,
    padding: usize,
    attachment: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Session {
    /// Metadata: fields by name.
    fields: Vec<(String, u64)>,
    cover: Option<Vec<u8>>,
    lists: BTreeMap<String, Vec<Value>>,
}

type Model = BTreeMap<String, Session>;

struct Run {
    rng: fastrand::Rng,
    host: TestHost,
    stores: Vec<Store<Memory, TestHost>>,
    model: Model,
    next: u64,
    /// Attachments that are known to be stored.
    blobs: BTreeSet<Hash>,
}

const IDS: [&str; 5] = ["a", "b", "é\u{1F600}", "ab", "__proto__"];
const LISTS: [&str; 3] = ["l", "lm", "notes"];
const FIELDS: [&str; 3] = ["title", "at", "z"];

fn value_json(value: &Value, place: usize) -> String {
    let padding = "x".repeat(value.padding);
    match value.attachment {
        Some(_) => format!(r#"{{"n":{},"p":"{padding}","image":{{"$attachment":{place}}}}}"#, value.n),
        None => format!(r#"{{"n":{},"p":"{padding}"}}"#, value.n),
    }
}

fn metadata_json(session: &Session) -> String {
    let fields = session.fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    let cover = session.cover.iter().map(|_| r#""cover":{"$attachment":0}"#.to_owned());
    format!("{{{}}}", fields.chain(cover).collect::<Vec<_>>().join(","))
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let host = TestHost::new(seed);
        let memory = Memory::new();
        let chunk = ChunkLimits { items: rng.usize(1..=6), bytes: 1 << 10 };
        let options = Options { chunk, grace_ms: 1000, ..Options::default() };
        let open = || pollster::block_on(Store::open(memory.clone(), host.clone(), options.clone())).unwrap();
        let stores = vec![open(), open()];
        Self { rng, host, stores, model: Model::new(), next: 0, blobs: BTreeSet::new() }
    }

    fn store(&mut self) -> usize {
        self.rng.usize(..self.stores.len())
    }

    fn pick<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[self.rng.usize(..names.len())]
    }

    fn bytes(&mut self) -> Vec<u8> {
        // Few distinct ones, so that they are shared; some empty. A few of two parts, as every verification hashes them again.
        let n = self.rng.u8(..6);
        if n == 0 {
            Vec::new()
        } else {
            vec![n; if self.rng.u8(..240) == 0 { (1 << 20) + 7 } else { 100 + n as usize }]
        }
    }

    fn attachment(&mut self, bytes: &[u8]) -> Attachment {
        let hash = sha256(bytes);
        if self.blobs.contains(&hash) && self.rng.bool() { Attachment::Stored(hash) } else { support::bytes(bytes) }
    }

    fn value(&mut self) -> Value {
        self.next += 1;
        let padding = if self.rng.u8(..8) == 0 { self.rng.usize(..3000) } else { self.rng.usize(..20) };
        let attachment = (self.rng.u8(..3) == 0).then(|| self.bytes());
        Value { n: self.next, padding, attachment }
    }

    fn values(&mut self, most: usize) -> Vec<Value> {
        (0..self.rng.usize(..=most)).map(|_| self.value()).collect()
    }

    fn documents(&mut self, values: &[Value]) -> Documents {
        let mut documents = Documents::default();
        for value in values {
            let text = value_json(value, documents.attachments.len());
            documents.lengths.push(text.len() as u32);
            documents.json.extend_from_slice(text.as_bytes());
            if let Some(bytes) = &value.attachment {
                let attachment = self.attachment(bytes);
                documents.attachments.push(attachment);
            }
        }
        documents
    }

    fn metadata(&mut self) -> Session {
        let mut names: Vec<&str> = FIELDS.to_vec();
        self.rng.shuffle(&mut names);
        let count = self.rng.usize(..=names.len());
        let fields = names.into_iter().take(count).map(|name| (name.to_owned(), self.rng.u64(..50))).collect();
        let cover = (self.rng.u8(..4) == 0).then(|| self.bytes());
        Session { fields, cover, lists: BTreeMap::new() }
    }

    fn document(&mut self, session: &Session) -> Document {
        let attachments = session.cover.iter().map(|bytes| self.attachment(bytes)).collect();
        Document { json: metadata_json(session).into_bytes(), attachments }
    }

    /// A random write, and what the model says of it.
    fn write(&mut self) -> (Write, Result<Written, &'static str>) {
        let name = self.pick(&IDS);
        let id = support::id(name);
        let exists = self.model.contains_key(name);
        let found = if exists { Ok(Written::Done) } else { Err("NotFound") };
        match self.rng.u8(..20) {
            0..=1 => {
                let session = self.metadata();
                let metadata = self.document(&session);
                if exists {
                    return (Write::Create { id, metadata }, Err("AlreadyExists"));
                }
                self.model.insert(name.into(), session);
                (Write::Create { id, metadata }, Ok(Written::Done))
            }
            2..=3 => {
                let session = self.metadata();
                let metadata = self.document(&session);
                let lists = self.model.remove(name).unwrap_or_default().lists;
                self.model.insert(name.into(), Session { lists, ..session });
                (Write::Put { id, metadata }, Ok(Written::Done))
            }
            4..=5 => {
                let patch = self.metadata();
                let document = self.document(&patch);
                let removed = self.pick(&["title", "cover", "nothing"]);
                if let Some(session) = self.model.get_mut(name) {
                    session.fields.retain(|(field, _)| field != removed);
                    if removed == "cover" {
                        session.cover = None;
                    }
                    for (field, value) in patch.fields {
                        match session.fields.iter_mut().find(|(existing, _)| *existing == field) {
                            Some(existing) => existing.1 = value,
                            None => session.fields.push((field, value)),
                        }
                    }
                    session.cover = patch.cover.or(session.cover.take());
                }
                (Write::Update { id, patch: document, remove: vec![removed.into()] }, found)
            }
            6 => {
                let other = self.pick(&IDS);
                let removed = [name, other].map(|name| self.model.remove(name).is_some());
                let count = removed.into_iter().filter(|&removed| removed).count() as u64;
                (Write::Delete { ids: vec![id, support::id(other)] }, Ok(Written::Deleted(count)))
            }
            7..=8 => {
                let mut session = self.metadata();
                let metadata = self.document(&session);
                let mut lists = Vec::new();
                for list in LISTS.iter().take(self.rng.usize(..=2)) {
                    let values = self.values(9);
                    lists.push((support::list(list), self.documents(&values)));
                    if !values.is_empty() {
                        session.lists.insert((*list).into(), values);
                    }
                }
                self.model.insert(name.into(), session);
                (Write::Save { id, metadata, lists }, Ok(Written::Done))
            }
            9..=10 => {
                let list = self.pick(&LISTS);
                let value = self.value();
                let index = self.rng.u64(..12);
                let items = self.documents(std::slice::from_ref(&value));
                let item = Document { json: items.json, attachments: items.attachments };
                let slot = self.model.get_mut(name).and_then(|session| session.lists.get_mut(list));
                let slot = slot.and_then(|values| values.get_mut(index as usize));
                let found = if slot.is_some() { Ok(Written::Done) } else { Err("NotFound") };
                if let Some(slot) = slot {
                    *slot = value;
                }
                (Write::Set { id, list: support::list(list), index, item }, found)
            }
            _ => {
                let list = self.pick(&LISTS);
                let values = self.values(4);
                let items = self.documents(&values);
                let written = self.model.get_mut(name).map(|session| {
                    let length = session.lists.get(list).map_or(0, Vec::len) as u64;
                    if !values.is_empty() {
                        session.lists.entry(list.into()).or_default().extend(values);
                    }
                    Written::Index(length)
                });
                (Write::Append { id, list: support::list(list), items }, written.ok_or("NotFound"))
            }
        }
    }

    async fn step(&mut self) {
        let at = self.store();
        match self.rng.u8(..12) {
            0 => self.collect(at).await,
            1 => {
                let bytes = self.bytes();
                let attachment = self.attachment(&bytes);
                let written = self.stores[at].write(Write::Attach(attachment)).await;
                assert!(matches!(written, Ok(Written::Attached(_))), "{written:?}");
                self.blobs.insert(sha256(&bytes));
            }
            2 => self.upload(at).await,
            3 => self.host.now_ms.set(self.host.now_ms.get() + self.rng.u64(..900)),
            _ => {
                // One to five operations, committed as one group.
                let writes: Vec<_> = (0..self.rng.usize(1..=5)).map(|_| self.write()).collect();
                let (writes, expected): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
                let store = &self.stores[at];
                let shown = writes.clone();
                let receipts: Vec<_> = writes.into_iter().map(|write| store.submit(write)).collect();
                store.drain().await;
                for (receipt, expected) in receipts.into_iter().zip(expected) {
                    let answer = receipt.answer().await.map_err(|error| error.code());
                    assert_eq!(answer, expected, "{shown:?}");
                }
                self.blobs.extend(self.used().into_keys());
            }
        }
    }

    async fn collect(&mut self, at: usize) {
        let grace_ms = if self.rng.bool() { Some(0) } else { None };
        let dry_run = self.rng.u8(..4) == 0;
        collect(&self.stores[at], CollectOptions { dry_run, grace_ms }).await.unwrap();
        let used = self.used();
        // Afterwards the unused ones may be gone.
        self.blobs.retain(|hash| used.contains_key(hash));
        for hash in used.keys() {
            self.stores[at].stat(hash).await.unwrap();
        }
        if grace_ms == Some(0) && !dry_run {
            let stats = self.stores[at].stats().await.unwrap();
            assert_eq!(stats.attachments, used.len() as u64, "all that is unused is gone");
        }
    }

    async fn upload(&mut self, at: usize) {
        let store = &self.stores[at];
        let bytes = if self.rng.u8(..16) == 0 { vec![9; (2 << 20) + 5] } else { vec![self.rng.u8(1..4); 103] };
        let set = store.upload_begin().await.unwrap();
        for piece in bytes.chunks(self.rng.usize(50..=3 << 20)) {
            store.upload_part(set, piece).await.unwrap();
        }
        match self.rng.u8(..4) {
            0 => store.upload_cancel(set).await.unwrap(),
            1 => {} // The page went away; the lease runs out.
            _ => {
                let reference = store.upload_finish(set, "audio/webm").await.unwrap();
                assert_eq!((reference.hash, reference.size), (sha256(&bytes), bytes.len() as u64));
                self.blobs.insert(reference.hash);
            }
        }
    }

    /// The attachments in use, and by how many chunks and sessions at least.
    fn used(&self) -> BTreeMap<Hash, usize> {
        let mut used = BTreeMap::new();
        for session in self.model.values() {
            let values = session.lists.values().flatten().filter_map(|value| value.attachment.as_ref());
            for bytes in session.cover.iter().chain(values) {
                *used.entry(sha256(bytes)).or_default() += 1;
            }
        }
        used
    }

    async fn compare(&mut self) {
        let at = self.store();
        let store = &self.stores[at];
        store.tend().await.unwrap();
        let report = verify(store, FULL).await.unwrap();
        assert!(report.clean, "{:#?}", report.findings);
        assert!(verify(store, QUICK).await.unwrap().clean);
        assert_eq!(store.count().await.unwrap(), self.model.len() as u64);

        let ids: Vec<_> = IDS.iter().map(|name| id(name)).collect();
        for (name, read) in IDS.iter().zip(store.sessions(&ids).await.unwrap()) {
            let expected = self.model.get(*name);
            let json = read.as_ref().map(|read| String::from_utf8(read.json.clone()).unwrap());
            assert_eq!(json.as_deref().map(fields), expected.map(|session| fields(&metadata_json(session))), "{name}");
            if let (Some(read), Some(Session { cover: Some(cover), .. })) = (&read, expected) {
                assert_eq!(read.attachments[0].hash, sha256(cover));
            }
            match expected {
                Some(session) => self.compare_lists(store, name, session).await,
                None => assert_eq!(store.lists(&id(name)).await.unwrap_err().code(), "NotFound"),
            }
        }
        self.compare_listing(store).await;
        let stats = store.stats().await.unwrap();
        let items: usize = self.model.values().flat_map(|session| session.lists.values()).map(Vec::len).sum();
        assert_eq!(stats.items, items as u64);
        let used: u64 = self
            .model
            .values()
            .flat_map(|session| {
                let values = session.lists.values().flatten().filter_map(|value| value.attachment.as_ref());
                session.cover.iter().chain(values).map(|bytes| bytes.len() as u64)
            })
            .sum();
        assert_eq!(stats.referenced_bytes, used);
    }

    async fn compare_lists(&self, store: &Store<Memory, TestHost>, name: &str, session: &Session) {
        for list in LISTS {
            let values = session.lists.get(list).map(Vec::as_slice).unwrap_or_default();
            let (from, to) = (self.next % 3, 2 + self.next % 7);
            for range in [0..u64::MAX, from..to, to..from] {
                let wanted: Vec<&Value> = values
                    .iter()
                    .skip(range.start as usize)
                    .take(range.end.saturating_sub(range.start) as usize)
                    .collect();
                let mut got: Vec<(u64, Option<Hash>)> = Vec::new();
                // Bounded reads, as a progressive reader makes them.
                let mut next = range.start;
                loop {
                    let chunks = store.read(&id(name), &support::list(list), next..range.end, 64).await.unwrap();
                    let Some(last) = chunks.last() else { break };
                    next = last.first + last.count;
                    for chunk in &chunks {
                        assert_eq!(chunk.error, None);
                        let items: Vec<serde_json::Value> = serde_json::from_slice(&chunk.json).unwrap();
                        assert_eq!(items.len() as u64, chunk.count);
                        for item in items {
                            let place = item["image"]["$attachment"].as_u64();
                            let hash = place.map(|place| chunk.attachments[place as usize].hash);
                            got.push((item["n"].as_u64().unwrap(), hash));
                        }
                    }
                }
                let wanted: Vec<_> = wanted
                    .iter()
                    .map(|value| (value.n, value.attachment.as_ref().map(|bytes| sha256(bytes))))
                    .collect();
                assert_eq!(got, wanted, "{name}/{list} {range:?}");
            }
            for bytes in values.iter().filter_map(|value| value.attachment.as_ref()).take(2) {
                let read = store.attachment_bytes(&sha256(bytes), 0..bytes.len() as u64).await.unwrap();
                assert!(read == *bytes);
            }
        }
    }

    async fn compare_listing(&self, store: &Store<Memory, TestHost>) {
        for (order_by, reverse) in [(None, false), (None, true), (Some("at"), false), (Some("at"), true)] {
            let mut expected: Vec<(Option<u64>, &String)> = self
                .model
                .iter()
                .map(|(name, session)| {
                    let at = session.fields.iter().find(|(field, _)| field == "at").map(|(_, value)| *value);
                    (order_by.and(at), name)
                })
                .collect();
            expected.sort();
            if reverse {
                expected.reverse();
            }
            if order_by.is_some() {
                let (with, mut without): (Vec<_>, Vec<_>) = expected.into_iter().partition(|(at, _)| at.is_some());
                without.sort();
                expected = [with, without].concat();
            }
            let mut got = Vec::new();
            let mut after = None;
            loop {
                let query = ListQuery { order_by: order_by.map(str::to_owned), reverse, limit: 2, after };
                let page = store.list(&query).await.unwrap();
                assert!(page.damaged.is_empty());
                got.extend(page.sessions.into_iter().map(|read| fields(&String::from_utf8(read.json).unwrap())));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let expected: Vec<_> =
                expected.iter().map(|(_, name)| fields(&metadata_json(&self.model[*name]))).collect();
            assert_eq!(got, expected, "{order_by:?} {reverse}");
        }
    }
}

/// A JSON object's fields, without their order.
fn fields(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

fn run(seed: u64, steps: usize) {
    pollster::block_on(async {
        let mut run = Run::new(seed);
        for _ in 0..steps {
            run.step().await;
            run.compare().await;
        }
        // At the end everything goes, and nothing is left behind.
        let ids = IDS.iter().map(|name| id(name)).collect();
        run.stores[0].write(Write::Delete { ids }).await.unwrap();
        run.host.now_ms.set(run.host.now_ms.get() + 2 * hoardb::store::UPLOAD_LEASE_MS);
        collect(&run.stores[1], now()).await.unwrap();
        run.model.clear();
        run.compare().await;
        let stats = run.stores[0].stats().await.unwrap();
        assert_eq!((stats.stored_bytes, stats.logical_bytes, stats.chunks), (0, 0, 0));
    });
}

#[test]
fn the_engine_answers_as_plain_maps_do_after_every_step() {
    seeds::each_of(2000, |seed| run(seed, 25));
}
