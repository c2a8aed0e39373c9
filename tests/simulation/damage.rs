//! Records that the disk gives back damaged, or not at all.
//!
//! What is asked of the engine then: it opens, it never returns a wrong byte, what cannot be read is an error that says so, for
//! that session, list or attachment and no other; `verify` reports it, a repair leaves nothing but what is lost, and once the
//! damaged sessions are deleted nothing is left of it.

use super::content::{self, BLOBS};
use super::model::{self, IDS, LISTS, Session, State};
use super::page::Page;
use super::reading::{metadata, tokens};
use super::story::Story;
use crate::support::{self, FULL, REPAIR};
use hoardb::backend::{Key, KeyRange, StoreName};
use hoardb::blob::{Blob, blob_key, part_range};
use hoardb::session::{chunk_range, session_key};
use hoardb::store::Write;
use std::rc::Rc;

/// What becomes of a record.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Flipped,
    Cut,
    Gone,
    /// It has the place of another, and that one its.
    Swapped,
}

/// What was harmed.
struct Harmed {
    keys: Vec<(StoreName, Key)>,
    /// Every harm can be seen by looking at the record alone.
    is_visible: bool,
}

impl Harmed {
    fn has(&self, store: StoreName, key: &Key) -> bool {
        self.keys.iter().any(|(of, harmed)| *of == store && harmed == key)
    }

    fn any(&self, store: StoreName) -> bool {
        self.keys.iter().any(|(of, _)| *of == store)
    }

    /// Whether a session's own record or any of its chunks was harmed.
    fn session(&self, session: usize) -> bool {
        self.has(StoreName::Sessions, &session_key(IDS[session])) || self.chunks(session)
    }

    fn chunks(&self, session: usize) -> bool {
        let prefix = chunk_range(IDS[session]);
        let is_own = |key: &Key| {
            use std::ops::RangeBounds;
            (prefix.lower.as_ref(), prefix.upper.as_ref()).contains(key)
        };
        self.keys.iter().any(|(store, key)| *store == StoreName::Chunks && is_own(key))
    }
}

impl Story {
    /// Harms some records.
    fn harm(&self) -> Harmed {
        let executor = &self.executor;
        let mut harmed = Harmed { keys: Vec::new(), is_visible: true };
        let mut database = self.world.database.borrow_mut();
        let stores = [
            StoreName::Sessions,
            StoreName::Chunks,
            StoreName::Chunks,
            StoreName::Blobs,
            StoreName::Parts,
            StoreName::References,
            StoreName::Meta,
        ];
        for _ in 0..executor.random(|rng| rng.usize(1..=3)) {
            let store = stores[executor.random(|rng| rng.usize(..stores.len()))];
            let records: Vec<_> =
                database.range(store, &KeyRange::all()).map(|(key, record)| (key.clone(), record.to_vec())).collect();
            if records.is_empty() {
                continue;
            }
            let at = executor.random(|rng| rng.usize(..records.len()));
            let (key, mut record) = records[at].clone();
            if harmed.has(store, &key) {
                continue;
            }
            let harm = [Harm::Flipped, Harm::Flipped, Harm::Cut, Harm::Gone, Harm::Swapped];
            let harm = harm[executor.random(|rng| rng.usize(..harm.len()))];
            executor.trace(format_args!("{store:?} {key:?} is {harm:?}"));
            let forget = &mut Vec::new();
            match harm {
                Harm::Flipped => {
                    let (at, bit) = executor.random(|rng| (rng.usize(..record.len()), rng.u8(..8)));
                    record[at] ^= 1 << bit;
                    database.put(forget, store, key.clone(), Some(record.into()));
                }
                Harm::Cut => {
                    record.truncate(executor.random(|rng| rng.usize(..record.len())));
                    database.put(forget, store, key.clone(), Some(record.into()));
                }
                Harm::Gone => {
                    database.put(forget, store, key.clone(), None);
                    harmed.is_visible = false;
                }
                Harm::Swapped => {
                    let (other, instead) = records[(at + 1) % records.len()].clone();
                    if other == key || harmed.has(store, &other) {
                        continue;
                    }
                    database.put(forget, store, key.clone(), Some(instead.into()));
                    database.put(forget, store, other.clone(), Some(record.into()));
                    harmed.keys.push((store, other));
                }
            }
            harmed.keys.push((store, key));
        }
        // Whatever `meta` holds but the head is written anew, or runs out.
        harmed.is_visible &= harmed.keys.iter().any(|(store, _)| *store != StoreName::Meta);
        harmed
    }

    /// The disk damages records while nobody looks. This ends the story: what is stored is not the oracle's any more.
    pub async fn damage(&self) {
        let states: Vec<State> =
            (0..IDS.len()).map(|session| self.world.oracle.borrow().now(session).clone()).collect();
        let blobs: Vec<_> = (0..BLOBS).map(|blob| self.parts_of(blob)).collect();
        let harmed = self.harm();
        self.world.oracle.borrow_mut().look_away();
        let page = self.quiet_page().await;
        for (session, state) in states.iter().enumerate() {
            assert_session(&page, session, state, &harmed).await;
        }
        for (blob, parts) in (0..BLOBS).zip(&blobs) {
            assert_attachment(&page, blob, parts.as_ref(), &harmed).await;
        }
        let report = verify(&page, FULL).await;
        assert!(!harmed.is_visible || !report.clean, "verify did not see {:?}", harmed.keys);
        verify(&page, REPAIR).await;
        // What was whole is whole, and the rest is no worse.
        for (session, state) in states.iter().enumerate() {
            assert_session(&page, session, state, &harmed).await;
        }
        for finding in verify(&page, FULL).await.findings {
            // Which parts an attachment has is not known as long as its record cannot be read.
            let is_unknown = finding.record.starts_with("parts/") && harmed.any(StoreName::Blobs);
            assert!(is_unknown || matches!(finding.code, "Corrupt" | "Missing"), "left by a repair: {finding:?}");
        }
        self.bury(&page).await;
    }

    /// Everything is deleted. Of the damage nothing must be left.
    async fn bury(&self, page: &Rc<Page>) {
        let delete = || Write::Delete { ids: (0..IDS.len()).map(model::id).collect() };
        page.call(move |engine| async move { engine.write(delete()).await })
            .await
            .expect("no crash")
            .expect("no fault");
        for blob in 0..BLOBS {
            // The bytes mend a record that cannot be read.
            let attach =
                page.call(move |engine| async move { engine.write(Write::Attach(content::bytes(blob))).await });
            attach.await.expect("no crash").expect("no fault");
        }
        verify(page, REPAIR).await;
        self.executor.skip(2 * hoardb::store::UPLOAD_LEASE_MS);
        let collected = page.call(|engine| async move { support::collect(&engine, support::now()).await });
        collected.await.expect("no crash").expect("no fault");
        verify(page, REPAIR).await;
        let report = verify(page, FULL).await;
        assert!(report.clean, "still there: {:#?}", report.findings);
        let stats = page.call(|engine| async move { engine.stats().await }).await.expect("no crash").expect("no fault");
        assert_eq!((stats.stored_bytes, stats.logical_bytes, stats.chunks, stats.attachments), (0, 0, 0, 0));
    }

    /// Where an attachment's parts are, if it is stored.
    fn parts_of(&self, blob: content::Blob) -> Option<(Key, KeyRange)> {
        let key = blob_key(&content::blob_hash(blob));
        let database = self.world.database.borrow();
        let record = database.read(StoreName::Blobs, &key)?;
        let parts = Blob::open(&key, record).expect("nothing is harmed yet").parts;
        Some((key, part_range(parts)))
    }
}

async fn verify(page: &Page, options: hoardb::store::VerifyOptions) -> hoardb::store::VerifyReport {
    let verified = page.call(move |engine| async move { support::verify(&engine, options).await }).await;
    verified.expect("no crash").expect("no fault")
}

/// A session is as it was, or says what is damaged.
async fn assert_session(page: &Page, session: usize, state: &State, harmed: &Harmed) {
    let (id, is_harmed) = (model::id(session), harmed.session(session));
    let asked = id.clone();
    let read = page.call(|engine| async move { engine.sessions(&[asked]).await }).await.expect("no crash");
    match read {
        Ok(read) => {
            let read = read[0].as_ref().map(|read| metadata(read).expect("what was written"));
            let expected = state.as_ref().map(|state| Session { lists: Default::default(), ..Session::clone(state) });
            assert!(read == expected || (is_harmed && read.is_none()), "session {session}: {read:?}, not {expected:?}");
        }
        Err(error) => assert!(is_harmed && error.is_damage(), "session {session}: {error}"),
    }
    let Some(state) = state else { return };
    for name in LISTS {
        let asked = id.clone();
        let read = page
            .call(move |engine| async move { engine.read(&asked, &model::list(name), 0..u64::MAX, u64::MAX).await });
        match read.await.expect("no crash") {
            Ok(chunks) => {
                let mut length = 0;
                for chunk in &chunks {
                    length += chunk.count;
                    if let Some(error) = &chunk.error {
                        assert!(is_harmed && error.is_damage(), "session {session}: {error}");
                        continue;
                    }
                    let read = tokens(std::slice::from_ref(chunk), chunk.first).expect("what was written");
                    let from = chunk.first as usize;
                    let expected = state.list(name).get(from..from + read.len());
                    assert_eq!(Some(read.as_slice()), expected, "session {session}, {name} from {from}");
                }
                assert!(length == state.list(name).len() as u64 || is_harmed, "session {session}, {name}: {length}");
            }
            Err(error) => assert!(is_harmed, "session {session}, {name}: {error}"),
        }
    }
}

/// An attachment has its bytes, or says that it has not.
async fn assert_attachment(page: &Page, blob: content::Blob, parts: Option<&(Key, KeyRange)>, harmed: &Harmed) {
    let Some((key, range)) = parts else { return };
    let (hash, size) = (content::blob_hash(blob), content::blob_size(blob) as u64);
    let read = page.call(move |engine| async move { engine.attachment_bytes(&hash, 0..size).await }).await;
    let of_parts = |(store, key): &(StoreName, Key)| {
        use std::ops::RangeBounds;
        *store == StoreName::Parts && (range.lower.as_ref(), range.upper.as_ref()).contains(key)
    };
    let is_harmed = harmed.has(StoreName::Blobs, key) || harmed.keys.iter().any(of_parts);
    match read.expect("no crash") {
        Ok(bytes) => assert!(bytes == content::blob_bytes(blob), "attachment {blob} has other bytes"),
        Err(error) => assert!(is_harmed, "attachment {blob}: {error}"),
    }
}
