//! `verify`: holds everything stored against everything else, and mends what follows from the rest.
//!
//! | phase | quick | full adds |
//! |---|---|---|
//! | sessions | records open; every chunk in a directory is stored, and no other; metadata's attachments and rows | chunks open and match the directory; their attachments and rows |
//! | chunks | every stored chunk has a session | |
//! | attachments | records open, parts are all there, marks agree with the rows; no parts without an owner | every attachment's bytes hash to their key |
//! | references | every row's owner and attachment are there | every row is called for by what its owner holds |
//! | index | the search index knows every session, and no other | it says what the sessions and items say |
//! | counters | the head's totals are the sums | |
//!
//! The store may be written meanwhile. What looks wrong is looked at again, and is reported only if the session (or the
//! attachment, or the head) was the same before and after. A repair is a transaction that checks the same thing.

mod index;

use super::Store;
use super::ask::{Answer, corrupt};
use super::head::{Counters, Head, exact_key, is_exact};
use super::plan::{blob_counters, hashes, session_counters};
use super::read::PAGE_ROWS;
use crate::backend::{Backend, Batch, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::{self, Blob, Hash, PartSet, Reference};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::job::{Progress, Step};
use crate::record::{self, Compression, Kind, Place};
use crate::session::{
    self, Chunk, ChunkEntry, Directory, ListName, METADATA_LIST, SessionRecord, reference_key, session_key,
};
use futures_lite::FutureExt;
use sha2::{Digest, Sha256};
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
    Index,
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
    /// Sessions seen, damaged ones too.
    sessions: Digests,
    /// Sessions whose record or chunks cannot be read: what they refer to is not known.
    unreadable: Digests,
    /// The owners (quick) or rows (full) that are called for.
    called_for: Digests,
    /// How many parts each part set has, in the order of the sets; none once it is known whose they are.
    parts: Vec<(PartSet, u64)>,
    /// Some attachment's record cannot be read: which parts are its own is not known.
    blob_unreadable: bool,
    index: index::IndexCheck,
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
            sessions: Digests::default(),
            unreadable: Digests::default(),
            called_for: Digests::default(),
            parts: Vec::new(),
            blob_unreadable: false,
            index: index::IndexCheck::default(),
            report: VerifyReport { full: options.full, clean: true, ..VerifyReport::default() },
        }
    }

    fn progress(&self) -> Progress {
        let phase = match self.phase {
            Phase::Sessions => "sessions",
            Phase::Chunks => "chunks",
            Phase::Parts => "parts",
            Phase::Attachments => "attachments",
            Phase::References => "references",
            Phase::Index => "index",
            Phase::Counters => "counters",
        };
        Progress { phase, done: self.done, total: self.total.max(self.done), unit: phase }
    }

    /// The next page of this phase.
    fn page(&self) -> Scan {
        let range = match &self.position {
            Some(key) => KeyRange::all().after(key.clone()),
            None => KeyRange::all(),
        };
        match self.phase {
            Phase::Sessions => Scan::new(StoreName::Sessions, range, PAGE_SESSIONS),
            Phase::Chunks => Scan::keys(StoreName::Chunks, range, PAGE_ROWS),
            Phase::Parts => Scan::keys(StoreName::Parts, range, PAGE_ROWS),
            Phase::Attachments if self.options.full => Scan::new(StoreName::Blobs, range, PAGE_BLOBS_FULL),
            Phase::Attachments => Scan::new(StoreName::Blobs, range, PAGE_BLOBS),
            Phase::References | Phase::Index | Phase::Counters => Scan::keys(StoreName::References, range, PAGE_ROWS),
        }
    }

    /// Goes on behind a page, or to the next phase if it was the last.
    fn advance(&mut self, rows: &[Row], is_last: bool) {
        self.done += rows.len() as u64;
        if !is_last {
            self.position = rows.last().map(|row| row.key.clone());
            return;
        }
        self.phase = match self.phase {
            Phase::Sessions => Phase::Chunks,
            Phase::Chunks => Phase::Parts,
            Phase::Parts => Phase::Attachments,
            Phase::Attachments => Phase::References,
            Phase::References => Phase::Index,
            Phase::Index | Phase::Counters => Phase::Counters,
        };
        (self.position, self.done, self.total) = (None, 0, 0);
    }

    /// How many parts a set has. From now on it is known whose they are.
    fn take_parts(&mut self, set: PartSet) -> u64 {
        let at = self.parts.partition_point(|(counted, _)| *counted < set);
        match self.parts.get_mut(at) {
            Some((counted, parts)) if *counted == set => std::mem::take(parts),
            _ => 0,
        }
    }
}

/// Many keys remembered, by their digests.
#[derive(Debug, Default)]
struct Digests {
    digests: Vec<u128>,
    is_sorted: bool,
}

impl Digests {
    fn add(&mut self, digests: &[u128]) {
        self.digests.extend_from_slice(digests);
        self.is_sorted = false;
    }

    fn contains(&mut self, digest: u128) -> bool {
        if !self.is_sorted {
            self.digests.sort_unstable();
            self.is_sorted = true;
        }
        self.digests.binary_search(&digest).is_ok()
    }
}

/// 128 bits of a key: two XXH64 with different seeds.
fn digest(key: &Key) -> u128 {
    let half = |seed| u128::from(XxHash64::oneshot(seed, key.as_bytes()));
    (half(0) << 64) | half(1)
}

/// The owner in a reference row's key: what follows the hash.
fn owner_digest(id: &str, list: &str, first: u64) -> u128 {
    digest(&session::chunk_key(id, list, first))
}

/// A chunk that is stored.
struct StoredChunk {
    key: Key,
    /// What the directory should say of it, if it was read.
    entry: Option<ChunkEntry>,
    /// The directory names it.
    is_named: bool,
}

/// What one look at a session found.
#[derive(Default)]
struct SessionLook {
    full: bool,
    /// Those that say so are mended by the repairs.
    findings: Vec<Finding>,
    /// Repairs that hold as long as the session's record is unchanged.
    repairs: Vec<Op>,
    called_for: Vec<u128>,
    /// The rows called for that are still to be looked at, and the attachments that they name.
    rows: Vec<Key>,
    blobs: Vec<Key>,
    /// In the order of their keys.
    chunks: Vec<StoredChunk>,
    /// How many chunks there were, those with a wrong key too.
    seen: u64,
    unreadable: bool,
}

impl SessionLook {
    /// Notes an owner, and what it refers to if that was read.
    fn owner(&mut self, id: &str, list: &str, first: u64, references: &[Reference]) {
        if !self.full {
            self.called_for.push(owner_digest(id, list, first));
        }
        for hash in hashes(references) {
            let row = reference_key(&hash, id, list, first);
            if self.full {
                self.called_for.push(digest(&row));
            }
            self.rows.push(row);
            self.blobs.push(blob::blob_key(&hash));
        }
    }

    /// A record that cannot be read, and with it what it refers to.
    fn unreadable(&mut self, error: &Error, place: Place<'_>) {
        self.unreadable = true;
        self.findings.push(finding("Corrupt", place, &error.to_string()));
    }

    /// Notes a chunk, read or just its key.
    fn chunk(&mut self, row: Row) -> Result<()> {
        let place = Place { store: StoreName::Chunks, key: &row.key };
        let Ok((id, list, first)) = session::parse_chunk_key(&row.key) else {
            self.findings.push(finding("Corrupt", place, NO_CHUNK_KEY));
            return Ok(());
        };
        let mut entry = None;
        if !self.full {
            // Without reading the chunk, an owner is known but not what it refers to.
            self.owner(id, list, first, &[]);
        } else {
            match Chunk::open(&row.key, &row.value) {
                Ok(chunk) => {
                    self.owner(id, list, first, &chunk.references);
                    entry = Some(entry_of(&chunk, &row.value)?);
                }
                Err(error) => self.unreadable(&*corrupt(error)?, place),
            }
        }
        self.chunks.push(StoredChunk { key: row.key, entry, is_named: false });
        Ok(())
    }

    /// Holds the directories against what is stored. If any is wrong they are rebuilt, provided that the stored chunks are
    /// all readable and follow each other without a gap from item 0.
    fn directories(&mut self, id: &str, key: &Key, session: SessionRecord) {
        let before = self.findings.len();
        for list in &session.lists {
            for span in list.directory.spans() {
                let key = session::chunk_key(id, &list.name, span.first);
                let place = Place { store: StoreName::Chunks, key: &key };
                let at = self.chunks.partition_point(|chunk| chunk.key < key);
                let Some(chunk) = self.chunks.get_mut(at).filter(|chunk| chunk.key == key) else {
                    self.findings.push(finding("Missing", place, "its session's directory names it"));
                    continue;
                };
                chunk.is_named = true;
                let Some(entry) = &mut chunk.entry else { continue };
                entry.sealed = span.entry.sealed;
                if *entry != span.entry {
                    let (says, has) = (figures(&span.entry.figures()), figures(&entry.figures()));
                    let problem = format!("the directory says {says}; the chunk has {has}");
                    self.findings.push(finding("Mismatch", place, &problem));
                }
            }
        }
        for chunk in self.chunks.iter().filter(|chunk| !chunk.is_named) {
            let place = Place { store: StoreName::Chunks, key: &chunk.key };
            self.findings.push(finding("Orphan", place, "its session's directory does not name it"));
        }
        if self.findings.len() > before
            && let Some(record) = self.rebuilt(key, session)
        {
            self.repairs.push(Op::Put(StoreName::Sessions, key.clone(), record));
            self.findings.iter_mut().skip(before).for_each(|finding| finding.repaired = true);
        }
    }

    /// The session's record with directories of what is stored.
    fn rebuilt(&self, key: &Key, mut session: SessionRecord) -> Option<Vec<u8>> {
        for list in &mut session.lists {
            list.directory = Directory::default();
        }
        for chunk in &self.chunks {
            let (_, list, first) = session::parse_chunk_key(&chunk.key).ok()?;
            let entry = chunk.entry.filter(|entry| entry.items > 0)?;
            if session.list_mut(&ListName::new(list).ok()?).push(entry) != first {
                return None;
            }
        }
        session.revision += 1;
        session.seal(key).ok()
    }
}

/// What the directory should say of a chunk, but for whether it is sealed.
fn entry_of(chunk: &Chunk, record: &[u8]) -> Result<ChunkEntry> {
    let mut entry = ChunkEntry {
        items: chunk.len(),
        bytes: 0,
        stored: record.len() as u64,
        checksum: record::checksum_of(record),
        references: hashes(&chunk.references).len() as u64,
        attachment_bytes: 0,
        sealed: false,
    };
    for item in chunk.items()? {
        entry.bytes += item.json.len() as u64;
        for reference in &item.references {
            entry.attachment_bytes = entry.attachment_bytes.saturating_add(reference.size);
        }
    }
    Ok(entry)
}

/// Figures with their names, in words.
fn figures(figures: &[(&str, u64)]) -> String {
    let mut words = String::new();
    for (name, figure) in figures {
        let comma = if words.is_empty() { "" } else { ", " };
        words.push_str(&format!("{comma}{name} {figure}"));
    }
    words
}

const NO_CHUNK_KEY: &str = "its key is not a chunk's";

fn finding(code: &'static str, place: Place<'_>, problem: &str) -> Finding {
    Finding { code, record: place.name(), problem: problem.to_owned(), repaired: false }
}

/// A finding that is reported together with what mends it.
fn mendable(code: &'static str, place: Place<'_>, problem: &str) -> Finding {
    Finding { repaired: true, ..finding(code, place, problem) }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Runs the next step of a verification.
    pub async fn verify(&self, verification: &mut Verification) -> Result<Step<VerifyReport>> {
        self.settled().await?;
        let is_done = verification.phase == Phase::Counters;
        if is_done {
            self.verify_counters(verification).await?;
        } else if verification.phase == Phase::Index {
            self.verify_index(verification).boxed_local().await?;
        } else {
            self.verify_page(verification).boxed_local().await?;
        }
        let progress = verification.progress();
        if is_done {
            return Ok(Step::Done(progress, std::mem::take(&mut verification.report)));
        }
        Ok(Step::Running(progress))
    }

    async fn verify_page(&self, run: &mut Verification) -> Result<()> {
        if run.position.is_none() && matches!(run.phase, Phase::Sessions | Phase::Attachments) {
            let counters = self.head().await.map(|(head, _)| head.counters).unwrap_or_default();
            run.total = if run.phase == Phase::Sessions { counters.sessions } else { counters.attachments };
        }
        let page = run.page();
        let limit = page.limit;
        let rows = self.scan(page).await?;
        let is_last = rows.len() < limit;
        match run.phase {
            Phase::Sessions => self.verify_sessions(run, &rows).await?,
            Phase::Chunks => self.verify_chunk_owners(run, &rows).boxed_local().await?,
            Phase::Parts => self.count_parts(run, &rows, is_last).await?,
            Phase::Attachments => self.verify_attachments(run, &rows, is_last).boxed_local().await?,
            Phase::References => self.verify_references(run, &rows).boxed_local().await?,
            Phase::Index | Phase::Counters => {}
        }
        run.advance(&rows, is_last);
        Ok(())
    }

    /// Reports findings, and mends those that the operations mend, if that is asked for and the checks hold.
    fn report<'a>(
        &'a self,
        run: &'a mut Verification,
        findings: Vec<Finding>,
        check: Option<Check>,
        ops: Vec<Op>,
    ) -> Answer<'a, Result<()>> {
        Box::pin(async move {
            let mended = run.options.repair
                && !ops.is_empty()
                && self.commit_ops(check.into_iter().collect(), ops).await? == Outcome::Committed;
            for mut finding in findings {
                finding.repaired &= mended;
                run.report.add(finding);
            }
            Ok(())
        })
    }

    // Sessions

    async fn verify_sessions(&self, run: &mut Verification, rows: &[Row]) -> Result<()> {
        for row in rows {
            let Ok(id) = row.key.parse().text() else {
                let place = Place { store: StoreName::Sessions, key: &row.key };
                run.report.add(finding("Corrupt", place, "its key is not a session id"));
                continue;
            };
            self.verify_session(run, id, row.value.clone()).await?;
        }
        Ok(())
    }

    async fn verify_session(&self, run: &mut Verification, id: &str, mut record: Vec<u8>) -> Result<()> {
        let key = session_key(id);
        let mut attempt = 1;
        let look = loop {
            let look = self.look_at_session(id, &key, &record, run.options.full).boxed_local().await?;
            if look.findings.is_empty() {
                break look;
            }
            // What looks wrong may be a writer's work in progress, seen half before and half after.
            let Some(now) = self.get_one(StoreName::Sessions, &key).await? else { return Ok(()) };
            if now == record {
                break look;
            }
            if attempt == ATTEMPTS_MAX {
                // Every look saw another state: nothing can be said of it.
                break SessionLook { findings: Vec::new(), repairs: Vec::new(), ..look };
            }
            record = now;
            attempt += 1;
        };
        run.report.sessions += 1;
        run.report.chunks += look.seen;
        run.sessions.add(&[digest(&key)]);
        run.called_for.add(&look.called_for);
        if look.unreadable {
            run.unreadable.add(&[digest(&key)]);
        }
        // The counters are recomputed at the end.
        let check = Check::Unchanged(StoreName::Sessions, key, record);
        self.report(run, look.findings, Some(check), look.repairs).await
    }

    async fn look_at_session(&self, id: &str, key: &Key, record: &[u8], full: bool) -> Result<SessionLook> {
        let mut look = SessionLook { full, ..SessionLook::default() };
        let session = match SessionRecord::open(key, record) {
            Ok(session) => session,
            Err(error) => {
                look.unreadable(&*corrupt(error)?, Place { store: StoreName::Sessions, key });
                return Ok(look);
            }
        };
        look.owner(id, METADATA_LIST, 0, &session.references);
        let range = session::chunk_range(id);
        let mut scan = Scan { keys_only: !full, ..Scan::new(StoreName::Chunks, range, PAGE_CHUNKS) };
        loop {
            let rows = self.scan(scan.clone()).await?;
            let last = rows.last().filter(|_| rows.len() == PAGE_CHUNKS).map(|row| row.key.clone());
            look.seen += rows.len() as u64;
            for row in rows {
                look.chunk(row)?;
            }
            self.look_at_references(&mut look).await?;
            match last {
                Some(last) => scan.range = scan.range.after(last),
                None => break,
            }
        }
        look.directories(id, key, session);
        Ok(look)
    }

    /// Looks at the rows and attachments that were called for since the last time.
    async fn look_at_references(&self, look: &mut SessionLook) -> Result<()> {
        let (rows, blobs) = (std::mem::take(&mut look.rows), std::mem::take(&mut look.blobs));
        let stored = self.get(StoreName::Blobs, &blobs).await?;
        for ((key, row), blob) in blobs.iter().zip(&rows).zip(stored) {
            if blob.is_none() {
                let (_, id, list, first) = session::parse_reference_key(row)?;
                let problem = format!("session \"{id}\" uses this attachment in \"{list}\" from item {first}");
                look.findings.push(finding("Missing", Place { store: StoreName::Blobs, key }, &problem));
            }
        }
        let stored = self.get(StoreName::References, &rows).await?;
        for (row, record) in rows.into_iter().zip(stored) {
            let place = Place { store: StoreName::References, key: &row };
            let code = match record {
                None => "Missing",
                Some(record) if record::open(place, Kind::Reference, &record).is_err() => "Corrupt",
                Some(_) => continue,
            };
            look.findings.push(mendable(code, place, "its session calls for this row"));
            let record = record::seal(place, Kind::Reference, &[], Compression::Off)?;
            look.repairs.push(Op::Put(StoreName::References, row, record));
        }
        Ok(())
    }

    // Chunks

    async fn verify_chunk_owners(&self, run: &mut Verification, rows: &[Row]) -> Result<()> {
        // The page before may have ended among this owner's chunks.
        let before = run.position.clone().unwrap_or_default();
        let mut last = before.parse().text().unwrap_or_default();
        for row in rows {
            let Ok(id) = row.key.parse().text() else {
                run.report.add(finding("Corrupt", Place { store: StoreName::Chunks, key: &row.key }, NO_CHUNK_KEY));
                continue;
            };
            if id == last {
                continue;
            }
            last = id;
            let key = session_key(id);
            // One that is not among those seen may have been made since its place in the order was passed.
            if run.sessions.contains(digest(&key)) || !self.is_still(StoreName::Sessions, &key, None).await? {
                continue;
            }
            let place = Place { store: StoreName::Sessions, key: &key };
            // Both at one moment: a session may have been made and deleted between two looks.
            let absent = Check::Absent(StoreName::Sessions, key.clone());
            let present = Check::Present(StoreName::Chunks, row.key.clone());
            if !self.holds(vec![absent.clone(), present]).await? {
                continue;
            }
            let orphan = mendable("Orphan", place, "chunks are stored for a session that does not exist");
            let ops = vec![Op::DeleteRange(StoreName::Chunks, session::chunk_range(id))];
            self.report(run, vec![orphan], Some(absent), ops).await?;
        }
        Ok(())
    }

    // Attachments

    /// Counts the parts of every part set, but for those of uploads under way. Read before the blobs: a set that is not
    /// leased now and belongs to no blob later belongs to nobody.
    async fn count_parts(&self, run: &mut Verification, rows: &[Row], is_last: bool) -> Result<()> {
        for row in rows {
            let Some(set) = PartSet::of_key(&row.key) else {
                let place = Place { store: StoreName::Parts, key: &row.key };
                run.report.add(finding("Corrupt", place, "its key is not a part's"));
                continue;
            };
            match run.parts.last_mut() {
                Some((last, parts)) if *last == set => *parts += 1,
                _ => run.parts.push((set, 1)),
            }
        }
        if is_last {
            for (set, _) in self.leases().await? {
                run.take_parts(set);
            }
        }
        Ok(())
    }

    async fn verify_attachments(&self, run: &mut Verification, rows: &[Row], is_last: bool) -> Result<()> {
        for row in rows {
            let place = Place { store: StoreName::Blobs, key: &row.key };
            run.report.attachments += 1;
            let (hash, blob) = match Blob::open_row(row) {
                Ok(opened) => opened,
                Err(error) => {
                    run.blob_unreadable = true;
                    run.report.add(finding("Corrupt", place, &corrupt(error)?.to_string()));
                    continue;
                }
            };
            let counted = run.take_parts(blob.parts);
            let (mut findings, mut ops) = (Vec::new(), Vec::new());
            if let Some((code, problem)) = self.problem_of_parts(run.options.full, counted, &hash, &blob).await? {
                findings.push(finding(code, place, &problem));
            }
            // A mark says that no row refers to the attachment.
            if blob.unreferenced_since.is_some()
                && !self.is_empty(StoreName::References, blob::reference_range(&hash)).await?
            {
                findings.push(mendable("Mismatch", place, "it is marked as unreferenced, and a row refers to it"));
                let unmarked = Blob { unreferenced_since: None, ..blob }.seal(&hash)?;
                ops.push(Op::Put(StoreName::Blobs, row.key.clone(), unmarked));
            }
            if !findings.is_empty() && self.is_still(StoreName::Blobs, &row.key, Some(&row.value)).await? {
                let check = Check::Unchanged(StoreName::Blobs, row.key.clone(), row.value.clone());
                self.report(run, findings, Some(check), ops).await?;
            }
        }
        if is_last {
            self.verify_part_owners(run).await?;
        }
        Ok(())
    }

    /// What is wrong with an attachment's parts: quick, with how many there are; full, with any of their bytes.
    async fn problem_of_parts(
        &self,
        full: bool,
        mut counted: u64,
        hash: &Hash,
        blob: &Blob,
    ) -> Result<Option<(&'static str, String)>> {
        if !full {
            let expected = blob::part_count(blob.stored_size);
            if counted != expected {
                // A blob that was stored after the parts were counted is not among them.
                counted = self.count_rows(StoreName::Parts, blob::part_range(blob.parts)).await?;
            }
            let problem = || ("Missing", format!("{counted} of its {expected} parts are stored"));
            return Ok((counted != expected).then(problem));
        }
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
        let stored = Hash::from(sha256);
        let differs = stored != blob.stored_hash || stored != *hash;
        Ok(differs.then(|| ("Corrupt", format!("its bytes hash to {stored}"))))
    }

    async fn verify_part_owners(&self, run: &mut Verification) -> Result<()> {
        for (set, parts) in std::mem::take(&mut run.parts) {
            let range = blob::part_range(set);
            if parts == 0 || self.is_empty(StoreName::Parts, range.clone()).await? {
                continue;
            }
            let key = blob::part_key(set, 0);
            let place = Place { store: StoreName::Parts, key: &key };
            let orphan = mendable("Orphan", place, "these parts belong to no attachment");
            let ops = if run.blob_unreadable { vec![] } else { vec![Op::DeleteRange(StoreName::Parts, range)] };
            self.report(run, vec![orphan], None, ops).await?;
        }
        Ok(())
    }

    // References

    async fn verify_references(&self, run: &mut Verification, rows: &[Row]) -> Result<()> {
        let mut hashes = Vec::new();
        for row in rows {
            let place = Place { store: StoreName::References, key: &row.key };
            let Ok((hash, id, list, first)) = session::parse_reference_key(&row.key) else {
                run.report.add(finding("Corrupt", place, "its key is not a reference's"));
                continue;
            };
            let wanted = if run.options.full { digest(&row.key) } else { owner_digest(id, list, first) };
            if run.called_for.contains(wanted) {
                if hashes.last() != Some(&hash) {
                    hashes.push(hash);
                }
                continue;
            }
            let key = session_key(id);
            if run.unreadable.contains(digest(&key)) {
                continue;
            }
            let session = self.get_one(StoreName::Sessions, &key).await?;
            if self.calls_for(&hash, id, list, first, session.as_deref()).await? {
                continue;
            }
            // As long as the session is unchanged, so is what its chunks call for.
            let check = Check::still(StoreName::Sessions, key, session);
            let present = Check::Present(StoreName::References, row.key.clone());
            if !self.holds(vec![check.clone(), present]).await? {
                continue;
            }
            let orphan = mendable("Orphan", place, "nothing in its session calls for this row");
            let ops = vec![Op::Delete(StoreName::References, row.key.clone())];
            self.report(run, vec![orphan], Some(check), ops).await?;
        }
        if !run.options.full {
            self.verify_referenced(run, &hashes).await?;
        }
        Ok(())
    }

    /// Whether an owner as it is now calls for a row. One that cannot be read may.
    async fn calls_for(&self, hash: &Hash, id: &str, list: &str, first: u64, session: Option<&[u8]>) -> Result<bool> {
        let references = if list == METADATA_LIST {
            session.map(|record| Ok(SessionRecord::open(&session_key(id), record)?.references))
        } else {
            let key = session::chunk_key(id, list, first);
            let chunk = self.get_one(StoreName::Chunks, &key).await?;
            chunk.map(|record| Ok(Chunk::open(&key, &record)?.references))
        };
        Ok(match references {
            Some(Ok(references)) => references.iter().any(|reference: &Reference| reference.hash == *hash),
            Some(Err::<_, Box<Error>>(_)) => true,
            None => false,
        })
    }

    /// In a quick run the chunks were not read, so that a lost attachment shows itself only by its rows.
    async fn verify_referenced(&self, run: &mut Verification, hashes: &[Hash]) -> Result<()> {
        let keys: Vec<Key> = hashes.iter().map(blob::blob_key).collect();
        let blobs = self.get(StoreName::Blobs, &keys).await?;
        for ((hash, key), blob) in hashes.iter().zip(&keys).zip(blobs) {
            // The collector deletes an attachment only after its rows, so with a row it has to be there.
            if blob.is_none()
                && !self.is_empty(StoreName::References, blob::reference_range(hash)).await?
                && self.is_still(StoreName::Blobs, key, None).await?
            {
                let place = Place { store: StoreName::Blobs, key };
                run.report.add(finding("Missing", place, "a row refers to this attachment"));
            }
        }
        Ok(())
    }

    // Counters

    async fn verify_counters(&self, run: &mut Verification) -> Result<()> {
        let key = Head::key();
        for _ in 0..ATTEMPTS_MAX {
            let Some(stored) = self.get_one(StoreName::Meta, &key).await? else { return Ok(()) };
            let head = Head::open(&stored)?;
            let counters = self.recount().await?;
            // Where they are known not to be exact, they are counted anew when the store is opened.
            let exact = self.get_one(StoreName::Meta, &exact_key()).await?;
            if counters == head.counters || !exact.as_deref().is_some_and(is_exact) {
                return Ok(());
            }
            // If the store was written meanwhile, neither figure says anything about the other.
            if !self.is_still(StoreName::Meta, &key, Some(&stored)).await? {
                continue;
            }
            let (says, has) = (figures(&head.counters.figures()), figures(&counters.figures()));
            let problem = format!("its counters say {says}; the store has {has}");
            let mut finding = finding("Mismatch", Place { store: StoreName::Meta, key: &key }, &problem);
            if run.options.repair {
                let mended = Head { counters, generation: head.generation + 1, ..head };
                let batch = Batch {
                    checks: vec![
                        Check::Unchanged(StoreName::Meta, key.clone(), stored),
                        Check::still(StoreName::Meta, exact_key(), exact),
                    ],
                    ops: vec![Op::Put(StoreName::Meta, key.clone(), mended.seal()?)],
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
                    Err(error) => drop(corrupt(error)?),
                }
                Ok(())
            };
            self.each_row(Scan::new(store, KeyRange::all(), PAGE_BLOBS), &mut count).await?;
        }
        Ok(counters)
    }
}
