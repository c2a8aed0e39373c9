//! What must be, held against what is, at every commit.
//!
//! After each commit the touched sessions are read back from the records. The new state must follow from the old one by
//! operations of that writer that nobody has answered yet, in the order in which they were submitted: so no operation
//! happens twice, none happens that was rejected, and none overtakes another on its session. When an operation is answered,
//! the answer must be one that some such explanation gives. Reads must return what was stored at some moment between their
//! beginning and their end.

use super::content::{self, BLOBS, Blob};
use super::database::{Before, Database, Record};
use super::history::History;
use super::model::{Answer, Change, IDS, LISTS, Session, State};
use super::page::Since;
use hoardb::backend::{Key, KeyRange, StoreName};
use hoardb::error::Error;
use hoardb::queue::Ack;
use hoardb::record::{self, Kind, Place};
use hoardb::session::{Chunk, SessionRecord, chunk_key, session_key};
use hoardb::store::{Head, journal};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Who submits operations: a page. It is another one after its tab crashed.
pub type Writer = usize;

/// An operation that was submitted.
#[derive(Debug)]
pub struct Operation {
    pub number: u64,
    pub writer: Writer,
    /// Its number among the writer's.
    pub seq: u64,
    pub ack: Ack,
    /// The commit before it was submitted.
    pub since: u64,
    /// What it does to which sessions.
    pub changes: Vec<(usize, Change)>,
    /// The attachments that it names by their hash alone.
    pub stored: Vec<Blob>,
}

/// What became of an operation on a session, as one explanation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing yet.
    Waiting,
    /// A commit made it happen, with this answer.
    Applied(Answer, u64),
    /// It was in its turn and changed nothing, with this answer.
    Passed(Answer),
    /// It had its turn before and did not happen: a fault, or a refusal.
    Skipped,
}

impl Fate {
    /// The commit that made it happen.
    fn applied(self) -> Option<u64> {
        if let Self::Applied(_, version) = self { Some(version) } else { None }
    }
}

/// The operations of a writer on a session that are not answered, and all explanations of what became of them.
#[derive(Default)]
struct Lane {
    operations: Vec<Rc<Operation>>,
    explanations: Vec<Vec<Fate>>,
    /// Accepted ones that were answered, and when: a read that began before may show them.
    answered: Vec<(Rc<Operation>, u64)>,
}

/// More explanations than this are a sign of a workload that decides nothing.
const EXPLANATIONS_MAX: usize = 4096;

/// See the module.
pub struct Oracle {
    sessions: Vec<History<State>>,
    /// Sessions and items; unknown while the head does not count all of them.
    totals: History<Option<(u64, u64)>>,
    /// Which attachments have a record.
    blobs: Vec<History<bool>>,
    /// Which attachments are in use.
    used: Vec<History<bool>>,
    generation: u64,
    has_head: bool,
    looks_away: bool,
    lanes: BTreeMap<(usize, Writer), Lane>,
    /// When a fault with this code was last injected: writer, code, operation.
    faults: BTreeMap<(Writer, &'static str), u64>,
    /// The last delete of a session by a writer that was answered.
    deleted: BTreeMap<(usize, Writer), u64>,
    /// What stands in the journal, or stood there.
    journal: BTreeMap<(Writer, u64), Rc<Operation>>,
    /// Those of it that may leave no trace: they had happened before the power went, or were given up.
    traceless: BTreeSet<u64>,
    /// Those that were taken out of it.
    erased: Vec<Rc<Operation>>,
    /// The commits that made accepted operations happen which were answered since.
    applied: BTreeMap<u64, u64>,
    /// Deletes that took an accepted write with them, and those.
    superseding: Vec<(u64, u64)>,
    /// Commits of deletes above the quota, of which nothing says that they happened.
    frugal: BTreeSet<u64>,
    /// Operations and faults, counted.
    number: u64,
    /// Items of chunks that were read back before.
    chunks: BTreeMap<Key, (Record, Rc<Vec<u64>>)>,
}

impl Oracle {
    pub fn new() -> Self {
        Self {
            sessions: IDS.iter().map(|_| History::new(None)).collect(),
            totals: History::new(Some((0, 0))),
            blobs: (0..BLOBS).map(|_| History::new(false)).collect(),
            used: (0..BLOBS).map(|_| History::new(false)).collect(),
            generation: 0,
            has_head: false,
            looks_away: false,
            lanes: BTreeMap::new(),
            faults: BTreeMap::new(),
            deleted: BTreeMap::new(),
            journal: BTreeMap::new(),
            erased: Vec::new(),
            traceless: BTreeSet::new(),
            applied: BTreeMap::new(),
            superseding: Vec::new(),
            frugal: BTreeSet::new(),
            number: 0,
            chunks: BTreeMap::new(),
        }
    }

    /// A session as it is stored.
    pub fn now(&self, session: usize) -> &State {
        self.sessions[session].now()
    }

    /// From now on what is stored is nobody's business.
    pub fn look_away(&mut self) {
        self.looks_away = true;
    }

    /// The generation of the head.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The states that a session had between two commits.
    pub fn states(&self, session: usize, from: u64, to: u64) -> impl Iterator<Item = &State> {
        self.sessions[session].between(from, to)
    }

    /// The states that a page may see: what was stored between two commits, and on top of it what the page was told is
    /// accepted and the store could not take yet.
    pub fn views(&self, session: usize, writer: Writer, since: Since, from: u64, to: u64) -> Vec<State> {
        let lane = self.lanes.get(&(session, writer));
        let is_kept = |at: usize, lane: &Lane| {
            lane.operations[at].ack == Ack::Accepted
                && lane.explanations.iter().any(|fates| match fates[at] {
                    Fate::Waiting | Fate::Skipped => true,
                    // It was when the read began.
                    Fate::Applied(_, version) => version > since.version,
                    Fate::Passed(_) => false,
                })
        };
        let mut kept: Vec<&Rc<Operation>> = Vec::new();
        if let Some(lane) = lane {
            kept.extend(lane.answered.iter().filter(|(_, at)| *at >= since.number).map(|(operation, _)| operation));
            kept.extend((0..lane.operations.len()).filter(|at| is_kept(*at, lane)).map(|at| &lane.operations[at]));
        }
        kept.sort_by_key(|operation| operation.number);
        // What is shown of a kept write was planned when it was kept.
        let planned = kept.iter().map(|operation| operation.since);
        let from = planned.chain([from]).min().unwrap_or(from);
        let mut views: Vec<State> = self.states(session, from, to).cloned().collect();
        for operation in kept {
            let Some((_, change)) = operation.changes.iter().find(|(of, _)| *of == session) else { continue };
            let changed: Vec<State> = views.iter().filter_map(|state| change.happen(state).0).collect();
            views.extend(changed);
        }
        views
    }

    pub fn totals(&self, from: u64, to: u64) -> impl Iterator<Item = &Option<(u64, u64)>> {
        self.totals.between(from, to)
    }

    pub fn blob(&self, blob: Blob, from: u64, to: u64) -> impl Iterator<Item = &bool> {
        self.blobs[blob as usize].between(from, to)
    }

    pub fn used(&self, blob: Blob, from: u64, to: u64) -> impl Iterator<Item = &bool> {
        self.used[blob as usize].between(from, to)
    }

    // Operations

    /// A number for something that begins now, to ask for the faults since.
    pub fn begin(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub fn submit(
        &mut self,
        writer: Writer,
        seq: u64,
        ack: Ack,
        since: u64,
        changes: Vec<(usize, Change)>,
        stored: Vec<Blob>,
    ) -> Rc<Operation> {
        let number = self.begin();
        let operation = Rc::new(Operation { number, writer, seq, ack, since, changes, stored });
        self.enter(Rc::clone(&operation));
        operation
    }

    fn enter(&mut self, operation: Rc<Operation>) {
        for (session, _) in &operation.changes {
            let lane = self.lanes.entry((*session, operation.writer)).or_default();
            lane.operations.push(Rc::clone(&operation));
            if lane.explanations.is_empty() {
                lane.explanations.push(Vec::new());
            }
            lane.explanations.iter_mut().for_each(|fates| fates.push(Fate::Waiting));
        }
    }

    /// Notes that a writer's connection will answer with this code.
    pub fn fault(&mut self, writer: Writer, code: &'static str) {
        self.number += 1;
        self.faults.insert((writer, code), self.number);
    }

    /// A writer's engine is gone. Deletes of its that it committed above the quota and could not answer any more may be done once
    /// more: the gap that ARCHITECTURE.md tells of.
    pub fn ended(&mut self, writer: Writer) {
        self.fault(writer, "EngineCrashed");
        for (_, lane) in self.lanes.iter_mut().filter(|((_, of), _)| *of == writer) {
            for at in 0..lane.operations.len() {
                let is_delete = lane.operations[at].changes.iter().all(|(_, change)| matches!(change, Change::Delete));
                let again = lane.explanations.iter().filter(|fates| {
                    is_delete && fates[at].applied().is_some_and(|version| self.frugal.contains(&version))
                });
                let mut again: Vec<Vec<Fate>> = again.cloned().collect();
                again.iter_mut().for_each(|fates| fates[at] = Fate::Waiting);
                lane.explanations.append(&mut again);
            }
            lane.explanations.sort_unstable();
            lane.explanations.dedup();
        }
    }

    /// Whether such a fault was injected since.
    pub fn was_fault(&self, writer: Writer, code: &str, since: u64) -> bool {
        self.faults.iter().any(|((of, known), at)| *of == writer && *known == code && *at >= since)
    }

    fn was_any_fault(&self, writer: Writer) -> bool {
        self.faults.keys().any(|(of, _)| *of == writer)
    }

    fn was_lost_above_the_quota(&self, writer: Writer) -> bool {
        ["StorageFull", "ConnectionLost"].iter().all(|code| self.faults.contains_key(&(writer, *code)))
    }

    /// An operation was answered. Returns what is wrong with that.
    pub fn answered(
        &mut self,
        operation: &Operation,
        answers: &[Answer],
        durable: Option<u64>,
        now: u64,
    ) -> Result<(), String> {
        for (session, change) in &operation.changes {
            if matches!(change, Change::Delete) {
                let last = self.deleted.entry((*session, operation.writer)).or_default();
                *last = operation.number.max(*last);
            }
        }
        // Nobody waits for what an accepted write answers; one that another engine decided answers that it is done.
        let is_any = operation.ack == Ack::Accepted && answers == [Answer::Done];
        let may_be_superseded = self.may_be_superseded(operation, answers, now);
        let is_delete = matches!(answers, [Answer::Done | Answer::Existed(_)])
            && operation.changes.iter().any(|(_, change)| matches!(change, Change::Delete));
        // Above the quota a delete leaves nothing but what it deleted. Where its outcome was lost it is done once more, and
        // answers how many sessions there still were.
        if is_delete && self.was_lost_above_the_quota(operation.writer) {
            return self.decide(operation, now, &|_, fate, refusals| {
                matches!(fate, Fate::Applied(..) | Fate::Passed(_)) || !refusals.is_empty()
            });
        }
        // With several sessions the answer is one sum; any of the answers may be any session's.
        self.decide(operation, now, &|_, fate, refusals| match fate {
            Fate::Applied(answer, version) => {
                (is_any || answers.contains(&answer)) && durable.is_none_or(|durable| version <= durable)
            }
            Fate::Passed(answer) => is_any || answers.contains(&answer),
            Fate::Waiting | Fate::Skipped => {
                (is_any && !refusals.is_empty())
                    || may_be_superseded
                    || refusals.iter().any(|refusal| answers.contains(refusal))
            }
        })
    }

    /// A kept write is given up for a delete that comes after it and leaves nothing of it. That delete must then happen.
    fn may_be_superseded(&mut self, operation: &Operation, answers: &[Answer], now: u64) -> bool {
        let [(session, change)] = operation.changes.as_slice() else { return false };
        let is_told = answers == [Answer::Done] && !matches!(change, Change::Delete);
        if operation.ack != Ack::Accepted || !is_told {
            return false;
        }
        if self.deleted.get(&(*session, operation.writer)).is_some_and(|delete| *delete > operation.number) {
            return true;
        }
        self.explain_nothing(*session, operation.writer, now);
        let Some(lane) = self.lanes.get(&(*session, operation.writer)) else { return false };
        let at = lane.operations.iter().position(|known| known.number == operation.number).unwrap_or_default();
        let deletes = |later: &&Rc<Operation>| later.changes.iter().any(|(_, change)| matches!(change, Change::Delete));
        let Some(delete) = lane.operations.iter().skip(at + 1).find(deletes) else {
            return false;
        };
        if !lane.explanations.iter().any(|fates| matches!(fates[at], Fate::Applied(Answer::Done, _))) {
            self.superseding.push((delete.number, operation.number));
        }
        true
    }

    /// An operation was answered with an error of the backend.
    pub fn failed(&mut self, operation: &Operation, now: u64, may_be_stored: bool) -> Result<(), String> {
        if operation.ack == Ack::Accepted {
            return Err("it was accepted, and is given up".into());
        }
        if let Some((_, kept)) = self.superseding.iter().find(|(delete, _)| *delete == operation.number) {
            return Err(format!("and with it goes #{kept}, which was accepted"));
        }
        self.decide(operation, now, &|_, fate, _| match fate {
            Fate::Applied(..) => may_be_stored,
            Fate::Passed(_) => may_be_stored,
            Fate::Waiting | Fate::Skipped => true,
        })
    }

    /// Keeps the explanations that fit an answer, and lets go of the operation.
    fn decide(
        &mut self,
        operation: &Operation,
        now: u64,
        fits: &dyn Fn(usize, Fate, &[Answer]) -> bool,
    ) -> Result<(), String> {
        for (session, change) in &operation.changes {
            self.explain_nothing(*session, operation.writer, now);
            let refusals = self.refusals(*session, change, operation, now);
            let lane = self.lanes.get_mut(&(*session, operation.writer)).ok_or("no lane")?;
            let at =
                lane.operations.iter().position(|known| known.number == operation.number).ok_or("answered twice")?;
            let explanations = std::mem::take(&mut lane.explanations);
            let known: Vec<Fate> = explanations.iter().map(|fates| fates[at]).collect();
            lane.explanations = explanations.into_iter().filter(|fates| fits(*session, fates[at], &refusals)).collect();
            if lane.explanations.is_empty() {
                let state = self.sessions[*session].now();
                return Err(format!("on session {session}: fates {known:?}, refusals {refusals:?}, now {state:?}"));
            }
            let versions = lane.explanations.iter().map(|fates| fates[at].applied());
            if let Some(version) = versions.min().flatten() {
                self.applied.insert(operation.number, version);
            }
            let answered = lane.operations.remove(at);
            if answered.ack == Ack::Accepted {
                self.number += 1;
                lane.answered.push((answered, self.number));
            }
            lane.explanations.iter_mut().for_each(|fates| {
                fates.remove(at);
            });
            lane.explanations.sort_unstable();
            lane.explanations.dedup();
        }
        Ok(())
    }

    /// What an operation that changes nothing may have answered at some moment since it was submitted.
    fn refusals(&self, session: usize, change: &Change, operation: &Operation, now: u64) -> Vec<Answer> {
        let mut refusals: Vec<Answer> = Vec::new();
        for state in self.states(session, operation.since, now) {
            if let (None, answer) = change.happen(state) {
                refusals.push(answer);
            }
        }
        let absent = |blob: &Blob| self.blob(*blob, operation.since, now).any(|is_there| !is_there);
        if operation.stored.iter().any(absent) {
            refusals.push(Answer::Refused("NotFound", "attachment"));
        }
        refusals
    }

    /// The latest commit that a read of a session must see: of the operations of its own page that were submitted before it.
    pub fn own_since(&self, session: usize, writer: Writer, since: Since) -> u64 {
        let Some(lane) = self.lanes.get(&(session, writer)) else { return 0 };
        let version = |fates: &[Fate]| {
            let earlier = lane.operations.iter().zip(fates).filter(|(operation, _)| operation.number < since.number);
            let versions = earlier.map(|(_, fate)| if let Fate::Applied(_, version) = fate { *version } else { 0 });
            versions.filter(|version| *version <= since.version).max().unwrap_or(0)
        };
        lane.explanations.iter().map(|fates| version(fates)).min().unwrap_or(0)
    }

    // Commits

    /// These were written into the journal.
    pub fn journaled(&mut self, operations: Vec<Rc<Operation>>) {
        for operation in operations {
            self.fault(operation.writer, "Hidden");
            self.journal.insert((operation.writer, operation.seq), operation);
        }
    }

    /// This was taken out of the journal again. A power cut may bring it back.
    pub fn erased(&mut self, writer: Writer, seq: u64) {
        self.erased.extend(self.journal.remove(&(writer, seq)));
    }

    /// The journal was replayed: everything in it is stored or refused.
    pub fn replayed(&mut self, now: u64, database: &Database) -> Result<(), String> {
        if let Some((key, _)) = database.range(StoreName::Journal, &KeyRange::all()).next() {
            return Err(format!("{key:?} is still in the journal"));
        }
        // A power cut may bring them back.
        for operation in self.journal.values().cloned().collect::<Vec<_>>() {
            if self.is_open(&operation) {
                let superseded = self.may_be_superseded(&operation, &[Answer::Done], now);
                let traceless = self.traceless.contains(&operation.number);
                self.decide(&operation, now, &|_, fate, refusals| match fate {
                    Fate::Applied(..) | Fate::Passed(_) => true,
                    Fate::Waiting | Fate::Skipped => superseded || traceless || !refusals.is_empty(),
                })
                .map_err(|problem| format!("#{} was in the journal: {problem}", operation.number))?;
            }
        }
        Ok(())
    }

    /// Whether nobody has answered it.
    fn is_open(&self, operation: &Operation) -> bool {
        operation.changes.iter().all(|(session, _)| {
            let lane = self.lanes.get(&(*session, operation.writer));
            lane.is_some_and(|lane| lane.operations.iter().any(|known| known.number == operation.number))
        })
    }

    /// The commit that made it happen, if that is certain.
    fn applied(&self, operation: &Operation) -> Option<u64> {
        let (session, _) = operation.changes.first()?;
        let lane = self.lanes.get(&(*session, operation.writer));
        let at = lane.and_then(|lane| lane.operations.iter().position(|known| known.number == operation.number));
        let (Some(lane), Some(at)) = (lane, at) else { return self.applied.get(&operation.number).copied() };
        lane.explanations.iter().map(|fates| fates[at].applied()).min().flatten()
    }

    /// Whether it may have happened up to this commit, and left no trace.
    fn may_have_happened(&self, operation: &Operation, version: u64) -> bool {
        operation.changes.iter().any(|(session, _)| {
            let Some(lane) = self.lanes.get(&(*session, operation.writer)) else { return false };
            let at = lane.operations.iter().position(|known| known.number == operation.number);
            let applied = |fates: &Vec<Fate>| at.and_then(|at| fates.get(at)?.applied());
            lane.explanations.iter().any(|fates| applied(fates).is_some_and(|applied| applied <= version))
        })
    }

    /// The power went: nothing after this commit happened. What stands in the journal is still to come.
    pub fn cut(&mut self, version: u64, database: &Database) {
        self.sessions.iter_mut().for_each(|history| history.cut(version));
        self.blobs.iter_mut().chain(&mut self.used).for_each(|history| history.cut(version));
        self.totals.cut(version);
        self.frugal.retain(|frugal| *frugal <= version);
        let head = head(database).ok();
        self.has_head = head.is_some();
        self.generation = head.map_or(0, |head| head.generation);
        let mut coming: Vec<Rc<Operation>> = std::mem::take(&mut self.journal).into_values().collect();
        for operation in &coming {
            for (session, _) in &operation.changes {
                self.explain_nothing(*session, operation.writer, version);
            }
        }
        // Those that were given up may happen again, or are known to be given up.
        let mut traceless: BTreeSet<u64> = self.erased.iter().map(|operation| operation.number).collect();
        coming.append(&mut self.erased);
        coming.retain(|operation| {
            let key = journal::key(operation.writer as u128, operation.seq);
            database.read(StoreName::Journal, &key).is_some()
                && self.applied(operation).is_none_or(|applied| applied > version)
        });
        coming.sort_by_key(|operation| operation.number);
        let happened = coming.iter().filter(|operation| self.may_have_happened(operation, version));
        traceless.extend(happened.map(|operation| operation.number));
        self.traceless = traceless;
        self.lanes.clear();
        for operation in coming {
            self.journal.insert((operation.writer, operation.seq), Rc::clone(&operation));
            // It counts from now on: what was before is gone.
            let Operation { number, writer, seq, ack, ref changes, ref stored, .. } = *operation;
            let (changes, stored) = (changes.clone(), stored.clone());
            self.enter(Rc::new(Operation { number, writer, seq, ack, since: version, changes, stored }));
        }
    }

    /// A commit happened. Returns what is wrong with it.
    pub fn committed(&mut self, writer: Writer, database: &Database, changed: &[Before]) -> Result<(), String> {
        if self.looks_away {
            return Ok(());
        }
        let version = database.version();
        let (mut sessions, mut author) = (Vec::new(), writer);
        for (store, key, _) in changed {
            match store {
                // The row of a writer: the commit is in its name, though another engine may make it.
                StoreName::Meta => author = writer_of(key).unwrap_or(author),
                // Above the quota a replay leaves it out.
                StoreName::Journal => author = journal_writer(key).unwrap_or(author),
                StoreName::Sessions | StoreName::Chunks => {
                    let id = key.parse().text().map_err(|_| format!("a key without an id: {key:?}"))?;
                    let session = IDS.iter().position(|known| *known == id).ok_or("a session nobody made")?;
                    sessions.push(session);
                }
                StoreName::Blobs => {
                    let hash = key.parse().hash().map_err(|_| "a key without a hash")?;
                    let hash = hoardb::blob::Hash::from_bytes(hash);
                    let blob = content::blob_of_hash(&hash).ok_or("an attachment nobody made")?;
                    let is_there = database.read(StoreName::Blobs, key).is_some();
                    self.blobs[blob as usize].put(version, is_there);
                }
                _ => {}
            }
        }
        sessions.sort_unstable();
        sessions.dedup();
        let has_head = changed.iter().any(|(store, key, _)| *store == StoreName::Meta && *key == Head::key());
        if !has_head && !sessions.is_empty() {
            self.frugal.insert(version);
        }
        for session in sessions {
            let (before, after) = (self.sessions[session].now().clone(), self.observe(session, database)?);
            self.explain(session, author, &before, &after, version).map_err(|problem| {
                format!("{problem}\nsession {session} before {before:?}\nafter {after:?}\nby writer {author}")
            })?;
            self.sessions[session].put(version, after);
        }
        self.count(version, database, changed)
    }

    /// Reads a session back from the records.
    pub fn observe(&mut self, session: usize, database: &Database) -> Result<State, String> {
        let id = IDS[session];
        let key = session_key(id);
        let Some(record) = database.read(StoreName::Sessions, &key) else { return Ok(None) };
        let record = SessionRecord::open(&key, record).map_err(|error| error.to_string())?;
        let (fields, cover) = content::parse_metadata(&record.json, &record.references)?;
        let mut lists = BTreeMap::new();
        for list in &record.lists {
            let name = LISTS.iter().find(|name| **name == list.name).ok_or("a list nobody made")?;
            let mut tokens = Vec::new();
            for span in list.directory.spans() {
                let key = chunk_key(id, name, span.first);
                let record = database.read(StoreName::Chunks, &key).ok_or_else(|| format!("no chunk {key:?}"))?;
                let read = match self.chunks.get(&key) {
                    Some((known, read)) if Rc::ptr_eq(known, record) => Rc::clone(read),
                    _ => {
                        let chunk = Chunk::open(&key, record).map_err(|error| error.to_string())?;
                        let read = Rc::new(content::parse_items(&chunk.array(0..u64::MAX), &chunk.references)?);
                        self.chunks.insert(key, (Rc::clone(record), Rc::clone(&read)));
                        read
                    }
                };
                if read.len() as u64 != span.entry.items {
                    return Err(format!("a directory says {} items of {}", span.entry.items, read.len()));
                }
                tokens.extend_from_slice(&read);
            }
            if !tokens.is_empty() {
                lists.insert(*name, tokens);
            }
        }
        Ok(Some(Rc::new(Session { fields, cover, lists })))
    }

    /// Finds all explanations of a commit.
    fn explain(
        &mut self,
        session: usize,
        writer: Writer,
        from: &State,
        to: &State,
        version: u64,
    ) -> Result<(), String> {
        if from == to {
            return Ok(());
        }
        self.explain_nothing(session, writer, version);
        let Some(lane) = self.lanes.get(&(session, writer)) else { return Err("nobody asked for this".into()) };
        let search = Search {
            session,
            operations: &lane.operations,
            may_skip: &self.may_skip(session, lane, version),
            to,
            version,
        };
        let found = search.run(&lane.explanations, from);
        if found.is_empty() {
            let waiting: Vec<_> = lane.operations.iter().zip(&lane.explanations[0]).collect();
            return Err(format!("no operation explains this; waiting {waiting:?}"));
        }
        assert!(found.len() <= EXPLANATIONS_MAX, "{} explanations", found.len());
        if let Some(lane) = self.lanes.get_mut(&(session, writer)) {
            lane.explanations = found;
        }
        Ok(())
    }

    /// Adds the explanations by operations that undo each other: made and deleted together, they leave no trace.
    fn explain_nothing(&mut self, session: usize, writer: Writer, now: u64) {
        let Some(lane) = self.lanes.get(&(session, writer)) else { return };
        let (Some(first), deletes) = (lane.operations.first(), |operation: &Rc<Operation>| {
            operation.changes.iter().any(|(_, change)| matches!(change, Change::Delete))
        }) else {
            return;
        };
        if !lane.operations.iter().any(deletes) || !self.states(session, first.since, now).any(Option::is_none) {
            return;
        }
        let may_skip = self.may_skip(session, lane, now);
        let search = Search { session, operations: &lane.operations, may_skip: &may_skip, to: &None, version: 0 };
        let mut found = search.run(&lane.explanations, &None);
        if let Some(lane) = self.lanes.get_mut(&(session, writer)) {
            lane.explanations.append(&mut found);
            lane.explanations.sort_unstable();
            lane.explanations.dedup();
        }
    }

    /// Which operations of a lane may have had their turn in vain.
    fn may_skip(&self, session: usize, lane: &Lane, now: u64) -> Vec<bool> {
        let may_skip = |operation: &Rc<Operation>| {
            let change = operation.changes.iter().find(|(of, _)| *of == session).map(|(_, change)| change);
            change.is_some_and(|change| !self.refusals(session, change, operation, now).is_empty())
                || self.was_any_fault(operation.writer)
        };
        lane.operations.iter().map(may_skip).collect()
    }

    /// Counts, and holds the head against that.
    fn count(&mut self, version: u64, database: &Database, changed: &[Before]) -> Result<(), String> {
        let mut totals = (0, 0);
        let mut used = [false; BLOBS as usize];
        for session in self.sessions.iter().filter_map(|history| history.now().as_ref()) {
            totals = (totals.0 + 1, totals.1 + session.items());
            session.blobs().for_each(|blob| used[blob as usize] = true);
        }
        for (blob, is_used) in used.into_iter().enumerate() {
            self.used[blob].put(version, is_used);
            if is_used && !*self.blobs[blob].now() {
                return Err(format!("attachment {blob} is in use and not there"));
            }
        }
        if changed.iter().all(|(store, ..)| *store == StoreName::Journal) {
            // A page wrote it, which knows nothing of the head.
            return Ok(());
        }
        let head = head(database)?;
        let counted = (head.counters.sessions, head.counters.items);
        // Above the quota a delete goes without the head, and takes the record that says that it is exact with it.
        let exact = Key::new().text("exact");
        let place = Place { store: StoreName::Meta, key: &exact };
        // With something in it, it says that somebody is counting.
        let says = database.read(StoreName::Meta, &exact).map(|record| record::open(place, Kind::Exact, record));
        let is_exact = says.is_some_and(|says| says.is_ok_and(|payload| payload.is_empty()));
        self.totals.put(version, is_exact.then_some(counted));
        if is_exact && counted != totals {
            return Err(format!("the head counts {:?}, there are {totals:?} sessions and items", head.counters));
        }
        if changed.iter().any(|(store, key, _)| *store == StoreName::Meta && *key == Head::key()) {
            if self.has_head && head.generation <= self.generation {
                return Err(format!("generation {} follows {}", head.generation, self.generation));
            }
        } else if is_exact {
            return Err("the head was left out".into());
        }
        self.generation = head.generation;
        self.has_head = true;
        Ok(())
    }
}

fn head(database: &Database) -> Result<Head, String> {
    let record = database.read(StoreName::Meta, &Head::key()).ok_or("no head")?;
    Head::open(record).map_err(|error| error.to_string())
}

/// The writer of a record in the journal.
fn journal_writer(key: &Key) -> Option<Writer> {
    let (writer, _) = key.as_bytes().split_first_chunk()?;
    Some(u128::from_be_bytes(*writer) as Writer)
}

/// The writer whose row has this key.
fn writer_of(key: &Key) -> Option<Writer> {
    let mut components = key.parse();
    (components.text() == Ok("writer")).then_some(())?;
    Writer::from_str_radix(components.text().ok()?, 16).ok()
}

/// A search for what operations may have done, one after the other, that ends in a state.
struct Search<'a> {
    session: usize,
    operations: &'a [Rc<Operation>],
    may_skip: &'a [bool],
    to: &'a State,
    version: u64,
}

impl Search<'_> {
    fn run(&self, explanations: &[Vec<Fate>], from: &State) -> Vec<Vec<Fate>> {
        let mut found = Vec::new();
        for fates in explanations {
            self.explore(0, from.clone(), fates.clone(), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn explore(&self, at: usize, state: State, fates: Vec<Fate>, found: &mut Vec<Vec<Fate>>) {
        if state == *self.to && at > 0 && matches!(fates[at - 1], Fate::Applied(_, now) if now == self.version) {
            found.push(fates.clone());
        }
        let Some(operation) = self.operations.get(at) else { return };
        let mut next = |state: State, fate: Fate| {
            let mut fates = fates.clone();
            fates[at] = fate;
            self.explore(at + 1, state, fates, found);
        };
        if fates[at] != Fate::Waiting {
            return next(state.clone(), fates[at]);
        }
        let Some((_, change)) = operation.changes.iter().find(|(of, _)| *of == self.session) else { return };
        match change.happen(&state) {
            (Some(changed), answer) => next(changed, Fate::Applied(answer, self.version)),
            (None, answer) => next(state.clone(), Fate::Passed(answer)),
        }
        if self.may_skip[at] {
            next(state, Fate::Skipped);
        }
    }
}

/// What the engine's error says of an operation, in the model's words.
pub fn refusal(error: &Error) -> Option<Answer> {
    match error {
        Error::NotFound { what, .. } => Some(Answer::Refused("NotFound", what)),
        Error::AlreadyExists { .. } => Some(Answer::Refused("AlreadyExists", "")),
        _ => None,
    }
}
