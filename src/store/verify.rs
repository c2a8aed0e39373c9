//! `verify`: holds everything stored against everything else, and mends what follows from the rest.
//!
//! | phase | quick | full adds |
//! |---|---|---|
//! | sessions | records open; every chunk in a directory is stored, and no other; metadata's attachments and rows | chunks open and match the directory; their attachments and rows |
//! | chunks | every stored chunk has a session | |
//! | attachments | records open, parts are all there, marks agree with the rows; no parts without an owner | every attachment's bytes hash to their key |
//! | references | every row's owner and attachment are there | every row is called for by what its owner holds |
//! | counters | the head's totals are the sums | |
//!
//! The store may be written meanwhile. What looks wrong is looked at again, and is reported only if the session (or the
//! attachment, or the head) was the same before and after. A repair is a transaction that checks the same thing.

use super::Store;
use super::head::{Counters, Head};
use super::plan::{blob_counters, hashes, session_counters};
use super::read::PAGE_ROWS;
use super::upload::lease_prefix;
use crate::backend::{Backend, Batch, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::{self, Blob, Hash, PartSet, Reference};
use crate::error::Result;
use crate::host::Host;
use crate::job::{Progress, Step};
use crate::map::Map;
use crate::record::{self, Compression, Kind, Place};
use crate::session::{self, Chunk, ChunkEntry, Directory, METADATA_LIST, SessionRecord, reference_key, session_key};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use twox_hash::XxHash64;

/// Sessions that one step looks at.
const PAGE_SESSIONS: usize = 16;

/// Chunks that are read in one go.
const PAGE_CHUNKS: usize = 64;

/// Attachments that one step looks at: quick, and full (where their bytes are read).
const PAGE_BLOBS: usize = 256;
const PAGE_BLOBS_FULL: usize = 8;

/// Findings that a report names; the others are counted.
const FINDINGS_MAX: usize = 1000;

/// How often something is looked at again because it changed meanwhile.
const ATTEMPTS_MAX: u32 = 4;

/// Options of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Read every byte, not only what names and counts it.
    pub full: bool,
    /// Mend counters, directories, references and marks, and delete chunks and parts without an owner.
    pub repair: bool,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `Corrupt`: a record cannot be read. `Missing`: something that is named is not there. `Orphan`: something is there that
    /// nothing names. `Mismatch`: two records contradict each other.
    pub code: &'static str,
    /// Object store and key.
    pub record: String,
    /// What is wrong.
    pub problem: String,
    /// It was mended.
    pub repaired: bool,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Every byte was read.
    pub full: bool,
    /// Nothing was found.
    pub clean: bool,
    /// Sessions looked at.
    pub sessions: u64,
    /// Chunks looked at.
    pub chunks: u64,
    /// Attachments looked at.
    pub attachments: u64,
    /// What was found.
    pub findings: Vec<Finding>,
    /// How many more were found than are named.
    pub findings_left_out: u64,
}

impl VerifyReport {
    fn add(&mut self, finding: Finding) {
        self.clean = false;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Sessions,
    Chunks,
    Parts,
    Attachments,
    References,
    Counters,
}

/// A verification under way. See [`crate::job`].
#[derive(Debug)]
pub struct Verification {
    options: VerifyOptions,
    phase: Phase,
    /// The last key looked at in this phase.
    position: Option<Key>,
    done: u64,
    total: u64,
    /// Digests of the sessions seen, damaged ones too.
    sessions: HashSet<u128>,
    /// Digests of the sessions whose record or chunks cannot be read: what they refer to is not known.
    unreadable: HashSet<u128>,
    /// Digests of the owners (quick) or rows (full) that are called for.
    called_for: HashSet<u128>,
    /// How many parts each part set has.
    parts: Map<PartSet, u64>,
    report: VerifyReport,
}

impl Verification {
    /// A verification that has not begun.
    pub fn new(options: VerifyOptions) -> Self {
        Self {
            options,
            phase: Phase::Sessions,
            position: None,
            done: 0,
            total: 0,
            sessions: HashSet::new(),
            unreadable: HashSet::new(),
            called_for: HashSet::new(),
            parts: Map::default(),
            report: VerifyReport { full: options.full, clean: true, ..VerifyReport::default() },
        }
    }

    fn progress(&self) -> Progress {
        let (phase, unit) = match self.phase {
            Phase::Sessions => ("sessions", "sessions"),
            Phase::Chunks => ("chunks", "chunks"),
            Phase::Parts => ("parts", "parts"),
            Phase::Attachments => ("attachments", "attachments"),
            Phase::References => ("references", "references"),
            Phase::Counters => ("counters", "counters"),
        };
        Progress { phase, done: self.done, total: self.total.max(self.done), unit }
    }

    /// Goes on behind a page, or to the next phase if it was the last.
    fn advance(&mut self, rows: &[Row], limit: usize, next: Phase) {
        self.done += rows.len() as u64;
        match rows.last() {
            Some(last) if rows.len() == limit => self.position = Some(last.key.clone()),
            _ => (self.phase, self.position, self.done, self.total) = (next, None, 0, 0),
        }
    }

    fn rest(&self) -> KeyRange {
        match &self.position {
            Some(key) => KeyRange::all().after(key.clone()),
            None => KeyRange::all(),
        }
    }
}

/// 128 bits of a key, so that many keys can be remembered: two XXH64 with different seeds.
fn digest(key: &Key) -> u128 {
    let half = |seed| u128::from(XxHash64::oneshot(seed, key.as_bytes()));
    (half(0) << 64) | half(1)
}

/// The owner in a reference row's key: what follows the hash.
fn owner_digest(id: &str, list: &str, first: u64) -> u128 {
    digest(&session::chunk_key(id, list, first))
}

/// The chunks that are stored of one list.
struct StoredList {
    name: String,
    /// First item and what the directory should say, in order.
    chunks: Vec<(u64, ChunkEntry)>,
}

/// What one look at a session found.
#[derive(Default)]
struct SessionLook {
    findings: Vec<Finding>,
    /// Repairs that hold as long as the session's record is unchanged.
    repairs: Vec<Op>,
    checks: Vec<Check>,
    /// The record with directories rebuilt.
    mended: Option<SessionRecord>,
    called_for: Vec<u128>,
    chunks: u64,
    unreadable: bool,
}

/// The words of a finding that two sets of figures are not the same.
fn differ(says: &str, figures: &[(&str, u64)], has: &str, others: &[(&str, u64)]) -> String {
    let list = |figures: &[(&str, u64)]| {
        let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("{name} {figure}")).collect();
        figures.join(", ")
    };
    format!("{says} {}; {has} {}", list(figures), list(others))
}

fn finding(code: &'static str, place: Place<'_>, problem: impl Into<String>) -> Finding {
    Finding { code, record: place.name(), problem: problem.into(), repaired: false }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Runs the next step of a verification.
    pub async fn verify(&self, verification: &mut Verification) -> Result<Step<VerifyReport>> {
        self.settled().await?;
        match verification.phase {
            Phase::Sessions => self.verify_sessions(verification).await?,
            Phase::Chunks => self.verify_chunk_owners(verification).await?,
            Phase::Parts => self.count_parts(verification).await?,
            Phase::Attachments => self.verify_attachments(verification).await?,
            Phase::References => self.verify_references(verification).await?,
            Phase::Counters => {
                self.verify_counters(verification).await?;
                return Ok(Step::Done(verification.progress(), std::mem::take(&mut verification.report)));
            }
        }
        Ok(Step::Running(verification.progress()))
    }

    // Sessions

    async fn verify_sessions(&self, run: &mut Verification) -> Result<()> {
        if run.position.is_none() {
            run.total = self.head().await.map_or(0, |head| head.counters.sessions);
        }
        let rows = self.scan(Scan::new(StoreName::Sessions, run.rest(), PAGE_SESSIONS)).await?;
        for row in &rows {
            let place = Place { store: StoreName::Sessions, key: &row.key };
            let Ok(id) = row.key.parse().text() else {
                run.report.add(finding("Corrupt", place, "its key is not a session id"));
                continue;
            };
            self.verify_session(run, id, row.value.clone()).await?;
        }
        run.advance(&rows, PAGE_SESSIONS, Phase::Chunks);
        Ok(())
    }

    async fn verify_session(&self, run: &mut Verification, id: &str, mut record: Vec<u8>) -> Result<()> {
        let key = session_key(id);
        for attempt in 1.. {
            let look = self.look_at_session(id, &key, &record, run.options.full).await?;
            // What looks wrong may be a writer's work in progress, seen half before and half after.
            let now = if look.findings.is_empty() {
                Some(record.clone())
            } else {
                self.get_one(StoreName::Sessions, &key).await?
            };
            let Some(now) = now else { return Ok(()) };
            if now != record && attempt < ATTEMPTS_MAX {
                record = now;
                continue;
            }
            run.sessions.insert(digest(&key));
            run.report.sessions += 1;
            run.report.chunks += look.chunks;
            run.called_for.extend(&look.called_for);
            if look.unreadable {
                run.unreadable.insert(digest(&key));
            }
            let repaired = run.options.repair && self.repair_session(&key, record, &look).await?;
            for mut finding in look.findings {
                finding.repaired = repaired && finding.repaired;
                run.report.add(finding);
            }
            return Ok(());
        }
        Ok(())
    }

    /// Commits the repairs that a look called for. In a look, `repaired` says which findings they mend.
    async fn repair_session(&self, key: &Key, record: Vec<u8>, look: &SessionLook) -> Result<bool> {
        if look.repairs.is_empty() && look.mended.is_none() {
            return Ok(false);
        }
        let mut ops = Vec::new();
        for op in &look.repairs {
            match op {
                Op::Put(store, key, value) => ops.push(Op::Put(*store, key.clone(), value.clone())),
                Op::Delete(store, key) => ops.push(Op::Delete(*store, key.clone())),
                Op::DeleteRange(..) | Op::Update(..) => {}
            }
        }
        if let Some(session) = &look.mended {
            ops.push(Op::Put(StoreName::Sessions, key.clone(), session.seal(key)?));
        }
        let mut checks = look.checks.clone();
        checks.push(Check::Unchanged(StoreName::Sessions, key.clone(), record));
        // The counters are recomputed at the end.
        Ok(self.commit_ops(checks, ops).await? == Outcome::Committed)
    }

    async fn look_at_session(&self, id: &str, key: &Key, record: &[u8], full: bool) -> Result<SessionLook> {
        let place = Place { store: StoreName::Sessions, key };
        let mut look = SessionLook::default();
        let session = match SessionRecord::open(key, record) {
            Ok(session) => session,
            Err(error) if error.is_corrupt() => {
                look.unreadable = true;
                look.findings.push(finding("Corrupt", place, error.to_string()));
                return Ok(look);
            }
            Err(error) => return Err(error),
        };
        self.look_at_references(&mut look, id, METADATA_LIST, 0, &session.references).await?;
        if !full {
            // Without reading the chunks, an owner is known but not what it refers to.
            look.called_for = vec![owner_digest(id, METADATA_LIST, 0)];
        }

        // What is stored, by list.
        let mut stored = Vec::<StoredList>::new();
        let mut range = session::chunk_range(id);
        loop {
            let scan = Scan { keys_only: !full, ..Scan::new(StoreName::Chunks, range.clone(), PAGE_CHUNKS) };
            let rows = self.scan(scan).await?;
            for row in &rows {
                look.chunks += 1;
                let place = Place { store: StoreName::Chunks, key: &row.key };
                let mut components = row.key.parse();
                let (Ok(_), Ok(list), Ok(first)) = (components.text(), components.text(), components.number()) else {
                    look.findings.push(finding("Corrupt", place, "its key is not a chunk's"));
                    continue;
                };
                let named = session.list(list).and_then(|directory| span_at(directory, first));
                let mut entry = named.unwrap_or_default();
                if full {
                    match Chunk::open(&row.key, &row.value) {
                        Ok(chunk) => entry = self.look_at_chunk(&mut look, id, list, first, row, &chunk, entry).await?,
                        Err(error) if error.is_corrupt() => {
                            look.unreadable = true;
                            look.findings.push(finding("Corrupt", place, error.to_string()));
                        }
                        Err(error) => return Err(error),
                    }
                } else {
                    look.called_for.push(owner_digest(id, list, first));
                }
                // Rows come in the order of lists and items.
                match stored.last_mut().filter(|last| last.name == list) {
                    Some(last) => last.chunks.push((first, entry)),
                    None => stored.push(StoredList { name: list.to_owned(), chunks: vec![(first, entry)] }),
                }
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE_CHUNKS => range = range.after(last.key.clone()),
                _ => break,
            }
        }
        self.look_at_directories(&mut look, id, session, stored, full);
        Ok(look)
    }

    /// Looks at the rows and attachments that a chunk calls for, and returns what the directory should say of it.
    #[expect(clippy::too_many_arguments, reason = "a chunk's place is three of them")]
    async fn look_at_chunk(
        &self,
        look: &mut SessionLook,
        id: &str,
        list: &str,
        first: u64,
        row: &Row,
        chunk: &Chunk,
        named: ChunkEntry,
    ) -> Result<ChunkEntry> {
        self.look_at_references(look, id, list, first, &chunk.references).await?;
        let items = chunk.items()?;
        let used = items.iter().flat_map(|item| &item.references).map(|reference| reference.size);
        Ok(ChunkEntry {
            items: chunk.len(),
            bytes: items.iter().map(|item| item.json.len() as u64).sum(),
            stored: row.value.len() as u64,
            references: hashes(&chunk.references).len() as u64,
            attachment_bytes: used.fold(0, u64::saturating_add),
            sealed: named.sealed,
        })
    }

    async fn look_at_references(
        &self,
        look: &mut SessionLook,
        id: &str,
        list: &str,
        first: u64,
        references: &[Reference],
    ) -> Result<()> {
        let hashes = hashes(references);
        let blobs: Vec<Key> = hashes.iter().map(blob::blob_key).collect();
        let rows: Vec<Key> = hashes.iter().map(|hash| reference_key(hash, id, list, first)).collect();
        let stored_blobs = self.get(StoreName::Blobs, &blobs).await?;
        let stored_rows = self.get(StoreName::References, &rows).await?;
        for (((hash, row), blob), stored) in hashes.iter().zip(&rows).zip(stored_blobs).zip(stored_rows) {
            look.called_for.push(digest(row));
            let place = Place { store: StoreName::References, key: row };
            if blob.is_none() {
                let key = blob::blob_key(hash);
                let place = Place { store: StoreName::Blobs, key: &key };
                let problem = format!("session {id:?} uses this attachment in {list:?} from item {first}");
                look.findings.push(finding("Missing", place, problem));
            }
            let intact = stored.as_deref().map(|record| record::open(place, Kind::Reference, record));
            if !matches!(intact, Some(Ok(_))) {
                let code = if stored.is_none() { "Missing" } else { "Corrupt" };
                let mut finding = finding(code, place, format!("session {id:?} calls for this row"));
                finding.repaired = true;
                look.findings.push(finding);
                let record = record::seal(place, Kind::Reference, &[], Compression::Off)?;
                look.repairs.push(Op::Put(StoreName::References, row.clone(), record));
            }
        }
        Ok(())
    }

    /// Holds the directories against what is stored. A directory that is wrong is rebuilt if the stored chunks are all
    /// readable and follow each other without a gap from item 0.
    fn look_at_directories(
        &self,
        look: &mut SessionLook,
        id: &str,
        mut session: SessionRecord,
        mut stored: Vec<StoredList>,
        full: bool,
    ) {
        let mut findings = Vec::<Finding>::new();
        let mut rebuilt = false;
        let mut whole = !look.unreadable && full;
        for list in &mut session.lists {
            let at = stored.iter().position(|stored| stored.name == list.name);
            let chunks = at.map(|at| stored.remove(at).chunks).unwrap_or_default();
            let before = findings.len();
            for span in list.directory.spans() {
                let key = session::chunk_key(id, &list.name, span.first);
                let place = Place { store: StoreName::Chunks, key: &key };
                let found = chunks.binary_search_by_key(&span.first, |(first, _)| *first).ok();
                match found.and_then(|at| chunks.get(at)) {
                    None => {
                        findings.push(finding("Missing", place, format!("the directory of {:?} names it", list.name)))
                    }
                    Some((_, entry)) if *entry != span.entry => {
                        let problem =
                            differ("the directory says", &span.entry.figures(), "the chunk has", &entry.figures());
                        findings.push(finding("Mismatch", place, problem));
                    }
                    Some(_) => {}
                }
            }
            let named: Vec<u64> = list.directory.spans().iter().map(|span| span.first).collect();
            for (first, _) in chunks.iter().filter(|(first, _)| named.binary_search(first).is_err()) {
                let key = session::chunk_key(id, &list.name, *first);
                let place = Place { store: StoreName::Chunks, key: &key };
                findings.push(finding("Orphan", place, format!("the directory of {:?} does not name it", list.name)));
            }
            if findings.len() > before {
                let mut directory = Directory::default();
                for (first, entry) in chunks {
                    if entry.items == 0 || directory.push(entry) != first {
                        whole = false;
                    }
                }
                list.directory = directory;
                rebuilt = true;
            }
        }
        // Chunks of a list that the session does not name.
        for StoredList { name, chunks } in stored {
            for (first, entry) in &chunks {
                let key = session::chunk_key(id, &name, *first);
                let place = Place { store: StoreName::Chunks, key: &key };
                findings.push(finding("Orphan", place, format!("the session has no list {name:?}")));
                let Ok(list) = session::ListName::new(name.as_str()) else {
                    whole = false;
                    continue;
                };
                if entry.items == 0 || session.list_mut(&list).push(*entry) != *first {
                    whole = false;
                }
                rebuilt = true;
            }
        }
        if rebuilt && whole {
            session.revision += 1;
            look.mended = Some(session);
            findings.iter_mut().for_each(|finding| finding.repaired = true);
        }
        look.findings.append(&mut findings);
    }

    // Chunks

    async fn verify_chunk_owners(&self, run: &mut Verification) -> Result<()> {
        let rows = self.scan(Scan::keys(StoreName::Chunks, run.rest(), PAGE_ROWS)).await?;
        let mut owners = Vec::<String>::new();
        for row in &rows {
            match row.key.parse().text() {
                Ok(id) if owners.last().is_none_or(|last| last != id) => owners.push(id.to_owned()),
                Ok(_) => {}
                Err(_) => {
                    let place = Place { store: StoreName::Chunks, key: &row.key };
                    run.report.add(finding("Corrupt", place, "its key is not a chunk's"));
                }
            }
        }
        for id in owners {
            let key = session_key(&id);
            if run.sessions.contains(&digest(&key)) {
                continue;
            }
            if self.get_one(StoreName::Sessions, &key).await?.is_some() {
                // It was made since its place in the order was passed.
                continue;
            }
            let place = Place { store: StoreName::Sessions, key: &key };
            let mut finding = finding("Orphan", place, "chunks are stored for a session that does not exist");
            if run.options.repair {
                let ops = vec![Op::DeleteRange(StoreName::Chunks, session::chunk_range(&id))];
                let check = Check::Absent(StoreName::Sessions, key.clone());
                finding.repaired = self.commit_ops(vec![check], ops).await? == Outcome::Committed;
            }
            run.sessions.insert(digest(&key));
            run.report.add(finding);
        }
        run.advance(&rows, PAGE_ROWS, Phase::Parts);
        Ok(())
    }

    // Attachments

    /// Counts the parts of every part set, but for those of uploads under way. Read before the blobs: a set that is not
    /// leased now and belongs to no blob later belongs to nobody.
    async fn count_parts(&self, run: &mut Verification) -> Result<()> {
        let rows = self.scan(Scan::keys(StoreName::Parts, run.rest(), PAGE_ROWS)).await?;
        for row in &rows {
            match PartSet::of_key(&row.key) {
                Some(set) => match run.parts.get_mut(&set) {
                    Some(parts) => *parts += 1,
                    None => run.parts.insert(set, 1),
                },
                None => {
                    let place = Place { store: StoreName::Parts, key: &row.key };
                    run.report.add(finding("Corrupt", place, "its key is not a part's"));
                }
            }
        }
        run.advance(&rows, PAGE_ROWS, Phase::Attachments);
        if run.phase == Phase::Attachments {
            let scan = Scan::keys(StoreName::Meta, KeyRange::prefix(lease_prefix()), PAGE_ROWS);
            for row in self.scan(scan).await? {
                let mut components = row.key.parse();
                if let Ok(set) = components.text().and_then(|_| components.text()).and_then(PartSet::parse) {
                    run.parts.remove(&set);
                }
            }
        }
        Ok(())
    }

    async fn verify_attachments(&self, run: &mut Verification) -> Result<()> {
        if run.position.is_none() {
            run.total = self.head().await.map_or(0, |head| head.counters.attachments);
        }
        let limit = if run.options.full { PAGE_BLOBS_FULL } else { PAGE_BLOBS };
        let rows = self.scan(Scan::new(StoreName::Blobs, run.rest(), limit)).await?;
        for row in &rows {
            let place = Place { store: StoreName::Blobs, key: &row.key };
            run.report.attachments += 1;
            let opened = row
                .key
                .parse()
                .hash()
                .map(Hash::from_bytes)
                .and_then(|hash| Ok((hash, Blob::open(&row.key, &row.value)?)));
            let (hash, blob) = match opened {
                Ok(opened) => opened,
                Err(error) if error.is_corrupt() => {
                    run.report.add(finding("Corrupt", place, error.to_string()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let parts = run.parts.remove(&blob.parts);
            let problem = if run.options.full {
                self.hash_problem(&hash, &blob).await?
            } else {
                // A blob that was stored after the parts were counted is not among them.
                let expected = blob::part_count(blob.stored_size);
                let counted = parts.unwrap_or_default();
                let now = if counted == expected {
                    expected
                } else {
                    self.count_rows(StoreName::Parts, blob::part_range(blob.parts)).await?
                };
                (now != expected).then(|| ("Missing", format!("{now} of its {expected} parts are stored")))
            };
            if let Some((code, problem)) = problem
                && self.get_one(StoreName::Blobs, &row.key).await?.as_ref() == Some(&row.value)
            {
                run.report.add(finding(code, place, problem));
            }
            if blob.unreferenced_since.is_some() {
                self.verify_mark(run, hash, blob, row).await?;
            }
        }
        run.advance(&rows, limit, Phase::References);
        if run.phase == Phase::References {
            self.verify_part_owners(run).await?;
        }
        Ok(())
    }

    /// Reads all bytes of an attachment, part by part, and says what is wrong with them.
    async fn hash_problem(&self, hash: &Hash, blob: &Blob) -> Result<Option<(&'static str, String)>> {
        let mut sha256 = Sha256::new();
        let mut start = 0;
        while start < blob.stored_size {
            let end = (start + blob::PART_BYTES_MAX as u64).min(blob.stored_size);
            match self.parts(blob, &(start..end)).await {
                Ok(bytes) => sha256.update(&bytes),
                Err(error) if error.is_damage() => return Ok(Some((error.code(), error.to_string()))),
                Err(error) => return Err(error),
            }
            start = end;
        }
        let stored = Hash::from_bytes(sha256.finalize().into());
        if stored != blob.stored_hash || blob.stored_hash != *hash {
            return Ok(Some(("Corrupt", format!("its bytes hash to {stored}"))));
        }
        Ok(None)
    }

    /// A mark says that no row refers to the attachment.
    async fn verify_mark(&self, run: &mut Verification, hash: Hash, blob: Blob, row: &Row) -> Result<()> {
        let rows = self.scan(Scan::keys(StoreName::References, blob::reference_range(&hash), 1)).await?;
        let unchanged = self.get_one(StoreName::Blobs, &row.key).await?.as_ref() == Some(&row.value);
        if rows.is_empty() || !unchanged {
            return Ok(());
        }
        let place = Place { store: StoreName::Blobs, key: &row.key };
        let mut finding = finding("Mismatch", place, "it is marked as unreferenced, and a row refers to it");
        if run.options.repair {
            let ops = vec![Op::Put(
                StoreName::Blobs,
                row.key.clone(),
                Blob { unreferenced_since: None, ..blob }.seal(&hash)?,
            )];
            let check = Check::Unchanged(StoreName::Blobs, row.key.clone(), row.value.clone());
            finding.repaired = self.commit_ops(vec![check], ops).await? == Outcome::Committed;
        }
        run.report.add(finding);
        Ok(())
    }

    async fn verify_part_owners(&self, run: &mut Verification) -> Result<()> {
        // A blob whose record is damaged may own any of them.
        let all_known = !run
            .report
            .findings
            .iter()
            .any(|finding| finding.code == "Corrupt" && finding.record.starts_with("blobs/"));
        for (set, _) in std::mem::take(&mut run.parts).into_sorted() {
            if self.scan(Scan::keys(StoreName::Parts, blob::part_range(set), 1)).await?.is_empty() {
                continue;
            }
            let key = blob::part_key(set, 0);
            let place = Place { store: StoreName::Parts, key: &key };
            let mut finding = finding("Orphan", place, "these parts belong to no attachment");
            if run.options.repair && all_known {
                let ops = vec![Op::DeleteRange(StoreName::Parts, blob::part_range(set))];
                finding.repaired = self.commit_ops(Vec::new(), ops).await? == Outcome::Committed;
            }
            run.report.add(finding);
        }
        Ok(())
    }

    // References

    async fn verify_references(&self, run: &mut Verification) -> Result<()> {
        let rows = self.scan(Scan::keys(StoreName::References, run.rest(), PAGE_ROWS)).await?;
        let mut hashes = Vec::new();
        for row in &rows {
            let place = Place { store: StoreName::References, key: &row.key };
            let mut components = row.key.parse();
            let parsed =
                (components.hash(), components.text(), components.text(), components.number(), components.end());
            let (Ok(hash), Ok(id), Ok(list), Ok(first), Ok(())) = parsed else {
                run.report.add(finding("Corrupt", place, "its key is not a reference's"));
                continue;
            };
            let wanted = if run.options.full { digest(&row.key) } else { owner_digest(id, list, first) };
            if run.called_for.contains(&wanted) {
                if hashes.last() != Some(&Hash::from_bytes(hash)) {
                    hashes.push(Hash::from_bytes(hash));
                }
                continue;
            }
            if run.unreadable.contains(&digest(&session_key(id)))
                || self.calls_for(&Hash::from_bytes(hash), id, list, first).await?
            {
                continue;
            }
            let mut finding = finding("Orphan", place, format!("nothing in session {id:?} calls for this row"));
            if run.options.repair {
                finding.repaired = self.repair_reference(&Hash::from_bytes(hash), id, list, first, &row.key).await?;
            }
            run.report.add(finding);
        }
        if !run.options.full {
            self.verify_referenced(run, &hashes).await?;
        }
        run.advance(&rows, PAGE_ROWS, Phase::Counters);
        Ok(())
    }

    /// Whether an owner as it is now calls for a row.
    async fn calls_for(&self, hash: &Hash, id: &str, list: &str, first: u64) -> Result<bool> {
        let holds = |references: &[Reference]| references.iter().any(|reference| reference.hash == *hash);
        if list == METADATA_LIST {
            let key = session_key(id);
            let record = self.get_one(StoreName::Sessions, &key).await?;
            return Ok(match record.map(|record| SessionRecord::open(&key, &record)) {
                Some(Ok(session)) => holds(&session.references),
                Some(Err(_)) => true,
                None => false,
            });
        }
        let key = session::chunk_key(id, list, first);
        let record = self.get_one(StoreName::Chunks, &key).await?;
        Ok(match record.map(|record| Chunk::open(&key, &record)) {
            Some(Ok(chunk)) => holds(&chunk.references),
            Some(Err(_)) => true,
            None => false,
        })
    }

    /// Deletes a row if, with its session unchanged all the while, nothing calls for it.
    async fn repair_reference(&self, hash: &Hash, id: &str, list: &str, first: u64, row: &Key) -> Result<bool> {
        let key = session_key(id);
        let check = match self.get_one(StoreName::Sessions, &key).await? {
            Some(record) => Check::Unchanged(StoreName::Sessions, key, record),
            None => Check::Absent(StoreName::Sessions, key),
        };
        if self.calls_for(hash, id, list, first).await? {
            return Ok(false);
        }
        let ops = vec![Op::Delete(StoreName::References, row.clone())];
        Ok(self.commit_ops(vec![check], ops).await? == Outcome::Committed)
    }

    /// In a quick run the chunks were not read, so that a lost attachment shows itself only by its rows.
    async fn verify_referenced(&self, run: &mut Verification, hashes: &[Hash]) -> Result<()> {
        let keys: Vec<Key> = hashes.iter().map(blob::blob_key).collect();
        let blobs = self.get(StoreName::Blobs, &keys).await?;
        for ((hash, key), blob) in hashes.iter().zip(&keys).zip(blobs) {
            if blob.is_some() {
                continue;
            }
            // The collector deletes an attachment only after its rows, so with a row it has to be there.
            let rows = self.scan(Scan::keys(StoreName::References, blob::reference_range(hash), 1)).await?;
            if !rows.is_empty() && self.get_one(StoreName::Blobs, key).await?.is_none() {
                let place = Place { store: StoreName::Blobs, key };
                run.report.add(finding("Missing", place, "a row refers to this attachment"));
            }
        }
        Ok(())
    }

    // Counters

    async fn verify_counters(&self, run: &mut Verification) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let stored = self.get_one(StoreName::Meta, &Head::key()).await?;
            let Some(stored) = stored else { return Ok(()) };
            let head = Head::open(&stored)?;
            let counters = self.recount().await?;
            if counters == head.counters {
                return Ok(());
            }
            // If the store was written meanwhile, neither figure says anything about the other.
            let again = self.get_one(StoreName::Meta, &Head::key()).await?;
            if again.as_ref() != Some(&stored) {
                continue;
            }
            let key = Head::key();
            let place = Place { store: StoreName::Meta, key: &key };
            let problem = differ("its counters say", &head.counters.figures(), "the store has", &counters.figures());
            let mut finding = finding("Mismatch", place, problem);
            if run.options.repair {
                let mended = Head { counters, generation: head.generation + 1, ..head };
                let batch = Batch {
                    checks: vec![Check::Unchanged(StoreName::Meta, Head::key(), stored)],
                    ops: vec![Op::Put(StoreName::Meta, Head::key(), mended.seal()?)],
                    durability: self.options.durability,
                };
                if self.commit_batch(batch).await? != Outcome::Committed {
                    continue;
                }
                finding.repaired = true;
            }
            run.report.add(finding);
            return Ok(());
        }
        Ok(())
    }

    /// Sums up what is stored. Records that cannot be read count for nothing.
    pub(super) async fn recount(&self) -> Result<Counters> {
        let mut counters = Counters::default();
        for store in [StoreName::Sessions, StoreName::Blobs] {
            let mut count = |Row { key, value }: Row| {
                let counted = if store == StoreName::Sessions {
                    SessionRecord::open(&key, &value).map(|session| session_counters(&session, value.len() as u64))
                } else {
                    Blob::open(&key, &value).map(|blob| blob_counters(&blob))
                };
                match counted {
                    Ok(counted) => counters = counters.plus(counted),
                    Err(error) if error.is_corrupt() => {}
                    Err(error) => return Err(error),
                }
                Ok(())
            };
            self.each_row(Scan::new(store, KeyRange::all(), PAGE_BLOBS), &mut count).await?;
        }
        Ok(counters)
    }
}

/// What the directory says of the chunk that starts at this item.
fn span_at(directory: &Directory, first: u64) -> Option<ChunkEntry> {
    directory.overlapping(first..first + 1).into_iter().find(|span| span.first == first).map(|span| span.entry)
}
