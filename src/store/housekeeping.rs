//! Background work: what nobody asked for and everybody profits from. One engine at a time does it.
//!
//! Who does it is chosen outside, by a lock. A lock is no safety (a frozen tab keeps it, and it can be stolen), so whoever
//! gets it raises the fencing number in `meta/owner`, and each transaction that deletes something checks that the number is
//! still its own.

use super::Store;
use super::ask::{Answer, corrupt};
use super::collect::Collection;
use super::ledger::{self, Row as WriterRow};
use super::read::PAGE_ROWS;
use super::write::Write;
use crate::backend::{Backend, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::{CollectOptions, CollectReport};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::job::{Progress, Step};
use crate::queue::{Ack, Terms};
use crate::record::{self, Compression, Fields, Kind, Place, Reader, Writer};
use crate::session::{Id, ListName, SessionRecord};

/// Sessions that one step looks at.
const PAGE_SESSIONS: usize = 64;

/// A list that was appended to less than this ago is being recorded, and is left alone: 1 minute, in milliseconds.
const SETTLED_MS: u64 = 60 * 1000;

/// How long a writer that left nothing in the journal is remembered: 30 days, in milliseconds.
pub const WRITER_KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The record `owner` in `meta`.
struct Owner {
    fence: u64,
}

impl Fields for Owner {
    fn write(&self, out: &mut Writer) {
        out.number(self.fence);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { fence: from.number() }
    }
}

fn owner_key() -> Key {
    Key::new().text("owner")
}

/// The right to do background work, until another engine takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Raised with every owner.
    pub fence: u64,
    record: Vec<u8>,
}

impl Ownership {
    /// The ownership that this fencing number stands for.
    pub fn of(fence: u64) -> Result<Self> {
        let key = owner_key();
        let place = Place { store: StoreName::Meta, key: &key };
        Ok(Self { fence, record: record::seal_fields(place, Kind::Owner, &Owner { fence }, Compression::Off)? })
    }

    /// What each of the owner's transactions checks.
    pub(super) fn check(&self) -> Check {
        Check::Unchanged(StoreName::Meta, owner_key(), self.record.clone())
    }
}

/// What housekeeping did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HousekeepingReport {
    /// What was collected.
    pub collected: CollectReport,
    /// Lists whose last chunks were merged.
    pub merged: u64,
    /// Writers that were forgotten.
    pub forgotten: u64,
}

/// Where housekeeping is.
#[derive(Debug)]
enum Phase {
    Collect,
    Merge,
    Index,
    Forget,
}

/// Housekeeping under way. See [`crate::job`].
#[derive(Debug)]
pub struct Housekeeping {
    ownership: Ownership,
    collection: Collection,
    phase: Phase,
    /// The last session looked at.
    position: Option<Key>,
    seen: u64,
    report: HousekeepingReport,
}

impl Housekeeping {
    /// Housekeeping that has not begun, by the owner.
    pub fn new(ownership: Ownership) -> Self {
        let collected = CollectReport::default();
        Self {
            collection: Collection::new(CollectOptions::default()).under(ownership.clone()),
            ownership,
            phase: Phase::Collect,
            position: None,
            seen: 0,
            report: HousekeepingReport { collected, merged: 0, forgotten: 0 },
        }
    }

    fn progress(&self) -> Progress {
        Progress { phase: "merge", done: self.seen, total: 0, unit: "sessions" }
    }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Takes the background work over from whoever does it.
    pub async fn own(&self) -> Result<Ownership> {
        let key = owner_key();
        let place = Place { store: StoreName::Meta, key: &key };
        for _ in 0..super::ATTEMPTS_MAX {
            let stored = self.get_one(StoreName::Meta, &key).await?;
            let before = match stored.as_deref().map(|record| record::open_fields(place, Kind::Owner, record)) {
                Some(Ok(Owner { fence })) => fence,
                // A number that was never used, whatever the damaged record said.
                Some(Err(error)) => corrupt(error).map(|_| self.host.now_ms())?,
                None => 0,
            };
            let ownership = Ownership::of(before + 1)?;
            let check = Check::still(StoreName::Meta, key.clone(), stored);
            let put = Op::Put(StoreName::Meta, key.clone(), ownership.record.clone());
            if self.commit_ops(vec![check], vec![put]).await? == Outcome::Committed {
                return Ok(ownership);
            }
        }
        Err(Error::Conflict { attempts: super::ATTEMPTS_MAX }.into())
    }

    /// Runs the next step of housekeeping: collection, then merging the last chunks of lists that nobody records any more, then
    /// cleaning up after merges of the index that nobody finished, then forgetting writers.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when another engine has taken over.
    pub async fn housekeep(&self, run: &mut Housekeeping) -> Result<Step<HousekeepingReport>> {
        self.settled().await?;
        match run.phase {
            Phase::Collect => {
                if let Step::Done(_, report) = self.collect(&mut run.collection).await? {
                    run.report.collected = report;
                    run.phase = Phase::Merge;
                }
            }
            Phase::Merge => self.merge_page(run).await?,
            Phase::Index => {
                self.clean_segments(&run.ownership).await?;
                run.phase = Phase::Forget;
            }
            Phase::Forget => {
                run.report.forgotten = self.forget_writers(&run.ownership).await?;
                return Ok(Step::Done(run.progress(), run.report.clone()));
            }
        }
        Ok(Step::Running(run.progress()))
    }

    async fn merge_page(&self, run: &mut Housekeeping) -> Result<()> {
        let range = run.position.take().map_or_else(KeyRange::all, |key| KeyRange::all().after(key));
        let rows = self.scan(Scan::new(StoreName::Sessions, range, PAGE_SESSIONS)).await?;
        if rows.len() < PAGE_SESSIONS {
            run.phase = Phase::Index;
        }
        run.position = rows.last().map(|row| row.key.clone());
        run.seen += rows.len() as u64;
        let terms = Terms { seq: 0, ack: Ack::Committed, background: true };
        let mut receipts = Vec::new();
        for Row { key, value } in rows {
            // A damaged record is for `verify`.
            let Ok(session) = SessionRecord::open(&key, &value) else { continue };
            if self.host.now_ms() < session.revision.saturating_add(SETTLED_MS) {
                continue;
            }
            for list in session.lists.iter().filter(|list| list.directory.open_tail().len() > 1) {
                let (id, list) = (Id::new(key.parse().text()?)?, ListName::new(list.name.as_str())?);
                receipts.push(self.submit_as(Write::Merge { id, list }, terms));
            }
        }
        self.drain().await;
        for receipt in receipts {
            match receipt.answer().await {
                Ok(_) => run.report.merged += 1,
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets writers that were not heard of for long and have left nothing in the journal.
    fn forget_writers<'a>(&'a self, ownership: &'a Ownership) -> Answer<'a, Result<u64>> {
        Box::pin(async move {
            let mut forgotten = 0;
            let range = KeyRange::prefix(ledger::prefix());
            for Row { key, value } in self.scan(Scan::new(StoreName::Meta, range, PAGE_ROWS)).await? {
                let at_ms = WriterRow::open(&key, &value).map_or(0, |row| row.at_ms);
                let Some(writer) = ledger::writer_of(&key) else { continue };
                if self.host.now_ms() < at_ms.saturating_add(WRITER_KEPT_MS) {
                    continue;
                }
                let checks = vec![
                    Check::Unchanged(StoreName::Meta, key.clone(), value),
                    Check::Empty(StoreName::Journal, super::journal::range(writer)),
                    ownership.check(),
                ];
                let outcome = self.commit_ops(checks, vec![Op::Delete(StoreName::Meta, key)]).await?;
                forgotten += u64::from(outcome == Outcome::Committed);
            }
            Ok(forgotten)
        })
    }
}
