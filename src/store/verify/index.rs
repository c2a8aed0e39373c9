//! Holds the search index against what is stored: quick, the sessions that it knows; full, all that it says.
//!
//! What it says is summed up first, then compared with each session indexed anew. If anything was committed meanwhile, a
//! difference says nothing, and it begins again.

use super::{ATTEMPTS_MAX, Finding, PAGE_CHUNKS, PAGE_SESSIONS, Phase, Verification};
use crate::backend::{Backend, Key, KeyRange, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::index::{self, Analysers, Check, Entry, Findings, Problem, Schema, Work};
use crate::job::Step;
use crate::session::{Id, ListName, SessionRecord, chunk_key};
use crate::store::Store;
use crate::store::read::{PAGE_ROWS, open_chunk};
use crate::store::reindex::Reindexing;

/// The most findings of one kind.
const FINDINGS_MAX: usize = 100;

/// Where it is.
#[derive(Debug, Default)]
pub(super) struct IndexCheck {
    attempts: u32,
    /// The generation that it holds for; none before it has begun.
    generation: Option<u64>,
    sums: Check,
    is_summed: bool,
    position: Option<Key>,
    /// Quick: the sessions that the index knows, and whether the store was seen to have them.
    known: Vec<(String, bool)>,
    wrong: Vec<index::Finding>,
    reindexing: Option<Reindexing>,
}

impl IndexCheck {
    fn again(&mut self) {
        *self = Self { attempts: self.attempts + 1, ..Self::default() };
    }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Runs the next step; the phase ends when there is nothing left to do.
    pub(super) async fn verify_index(&self, run: &mut Verification) -> Result<()> {
        if let Some(reindexing) = &mut run.index.reindexing {
            if let Step::Done(..) = self.go_on_reindexing(reindexing).await? {
                run.end_index();
            }
            return Ok(());
        }
        let config = self.index_config().await?;
        let Some(schema) = &config.schema else {
            run.end_index();
            return Ok(());
        };
        if run.index.generation.is_none() {
            self.distrust();
            match self.refresh_index().await {
                Err(error) if matches!(*error, Error::SearchUnavailable { .. }) => {
                    let (record, problem) = ("segments".to_owned(), error.to_string());
                    run.report.add(Finding { code: "SearchUnavailable", record, problem, repaired: false });
                    run.end_index();
                    return Ok(());
                }
                refreshed => refreshed?,
            }
            // It says itself that it is not whole. Or it is never left alone.
            if self.indexed.is_unfinished() || run.index.attempts >= ATTEMPTS_MAX {
                run.end_index();
                return Ok(());
            }
            run.index.generation = Some(self.indexed.known());
        }
        if !run.index.is_summed {
            return self.sum_up(run).await;
        }
        let range = run.index.position.take().map_or_else(KeyRange::all, |key| KeyRange::all().after(key));
        let (limit, keys_only) = if run.options.full { (PAGE_SESSIONS, false) } else { (PAGE_ROWS, true) };
        let rows = self.scan(Scan { keys_only, ..Scan::new(StoreName::Sessions, range, limit) }).await?;
        for row in &rows {
            run.done += 1;
            let fits = if run.options.full {
                self.compare_session(run, schema, row).await?
            } else {
                run.index.strike(row);
                true
            };
            if !fits {
                run.index.again();
                return Ok(());
            }
        }
        if rows.len() == limit {
            run.index.position = rows.last().map(|row| row.key.clone());
            return Ok(());
        }
        self.conclude(run).await
    }

    /// Sums up what the index says.
    async fn sum_up(&self, run: &mut Verification) -> Result<()> {
        if !run.options.full {
            let mut ids = self.ask_index(&mut index::Index::ids).await?;
            ids.sort_unstable();
            run.index.known = ids.into_iter().map(|id| (id, false)).collect();
            run.index.is_summed = true;
            return Ok(());
        }
        let sums = &mut run.index.sums;
        let mut step = |index: &mut index::Index| {
            Ok(match sums.step(index)? {
                Work::Running(_) => Work::Done(false),
                Work::Needs(parts) => Work::Needs(parts),
                Work::Done(()) => Work::Done(true),
            })
        };
        let done = self.ask_index(&mut step).await?;
        run.index.is_summed = done;
        self.shed_index();
        Ok(())
    }

    /// Compares a session. False if the index is another one by now.
    async fn compare_session(&self, run: &mut Verification, schema: &Schema, row: &Row) -> Result<bool> {
        let Ok(id) = row.key.parse().text().and_then(Id::new) else { return Ok(true) };
        // What is damaged was found before, and nobody knows what the index should say of it.
        let Ok(session) = SessionRecord::open(&row.key, &row.value) else { return Ok(true) };
        let mut entries: Vec<Entry> = index::metadata_entry(schema, &id, &session.json).into_iter().collect();
        for list in schema.lists() {
            let (Some(directory), Ok(name)) = (session.list(list), ListName::new(list.as_str())) else { continue };
            for spans in directory.spans().chunks(PAGE_CHUNKS) {
                let keys: Vec<Key> = spans.iter().map(|span| chunk_key(id.as_str(), list, span.first)).collect();
                let records = self.get(StoreName::Chunks, &keys).await?;
                for ((span, key), record) in spans.iter().zip(&keys).zip(records) {
                    let Ok(chunk) = open_chunk(key, span, record) else { continue };
                    for (at, item) in (span.first..).zip(chunk.items()?) {
                        entries.extend(index::item_entry(schema, &id, &name, at, &item.json));
                    }
                }
                if !self.expect(run, &mut entries)? {
                    return Ok(false);
                }
            }
        }
        self.expect(run, &mut entries)
    }

    fn expect(&self, run: &mut Verification, entries: &mut Vec<Entry>) -> Result<bool> {
        let entries = std::mem::take(entries);
        if entries.is_empty() {
            return Ok(true);
        }
        let sums = &mut run.index.sums;
        let found = self.with_index(|index| Some(sums.expect(index, &entries, &Analysers)));
        match found.transpose()? {
            Some(Findings::Wrong(wrong)) => {
                let room = FINDINGS_MAX.saturating_sub(run.index.wrong.len());
                run.index.wrong.extend(wrong.into_iter().take(room));
                Ok(true)
            }
            Some(Findings::Changed) | None => Ok(false),
        }
    }

    /// Reports what is wrong, if nothing was committed meanwhile, and has it mended.
    async fn conclude(&self, run: &mut Verification) -> Result<()> {
        let full = run.options.full;
        let orphans = if full {
            let sums = &run.index.sums;
            self.with_index(|index| Some(sums.orphans(index, FINDINGS_MAX)))
        } else {
            let orphan = |session| index::Finding { session, at: None, problem: Problem::Orphan };
            let known = std::mem::take(&mut run.index.known).into_iter().filter(|(_, is_stored)| !is_stored);
            Some(Findings::Wrong(known.take(FINDINGS_MAX).map(|(id, _)| orphan(id)).collect()))
        };
        let Some(Findings::Wrong(orphans)) = orphans else {
            run.index.again();
            return Ok(());
        };
        run.index.wrong.extend(orphans);
        let damaged = self.indexed.damaged.borrow().clone();
        let lost = self.indexed.lost.get() != 0;
        if run.index.wrong.is_empty() && damaged.is_empty() && !lost {
            run.end_index();
            return Ok(());
        }
        let (head, is_exact) = self.head().await?;
        // Above the quota, sessions are deleted without a word to the index; it hears of it when the store is opened.
        if !is_exact {
            run.end_index();
            return Ok(());
        }
        if run.index.generation != Some(head.generation) {
            run.index.again();
            return Ok(());
        }
        let repaired = run.options.repair;
        for number in damaged {
            let (record, problem) = (format!("segments/{number}"), "it cannot be read".to_owned());
            run.report.add(Finding { code: "Corrupt", record, problem, repaired });
        }
        if lost {
            let (record, problem) = ("segments".to_owned(), "a segment of the index is gone".to_owned());
            run.report.add(Finding { code: "Missing", record, problem, repaired });
        }
        for index::Finding { session, at, problem } in std::mem::take(&mut run.index.wrong) {
            let record = match at {
                Some((list, index)) => format!("index/{session}/{list}/{index}"),
                None => format!("index/{session}"),
            };
            let (code, problem) = match problem {
                Problem::Missing => ("Missing", "the index does not have it"),
                Problem::Mismatch => ("Mismatch", "the index says something else of it than what is stored"),
                Problem::Orphan => ("Orphan", "the index has it, and it is not stored"),
            };
            run.report.add(Finding { code, record, problem: problem.to_owned(), repaired });
        }
        if repaired {
            self.start_reindex().await?;
            run.index.reindexing = Some(Reindexing::default());
        } else {
            run.end_index();
        }
        Ok(())
    }
}

impl IndexCheck {
    /// A session is stored. One that the index does not have is missing there.
    fn strike(&mut self, row: &Row) {
        let Ok(id) = row.key.parse().text() else { return };
        match self.known.binary_search_by(|(known, _)| known.as_str().cmp(id)) {
            Ok(at) => {
                if let Some((_, is_stored)) = self.known.get_mut(at) {
                    *is_stored = true;
                }
            }
            Err(_) if self.wrong.len() < FINDINGS_MAX => {
                let session = id.to_owned();
                self.wrong.push(index::Finding { session, at: None, problem: Problem::Missing });
            }
            Err(_) => {}
        }
    }
}

impl Verification {
    /// The index is done; what follows are the counters.
    fn end_index(&mut self) {
        self.index = IndexCheck::default();
        self.phase = Phase::Counters;
        (self.position, self.done, self.total) = (None, 0, 0);
    }
}
