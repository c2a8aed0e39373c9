//! Tending the index: merging segments in the background, and going on with what somebody began to index anew.

use super::Store;
use super::housekeeping::Ownership;
use super::index::{PARTS_MAX, first_key, other_parts, part_key, seal_part};
use super::reindex::Reindexing;
use crate::backend::{Backend, Check, Key, KeyRange, Op, Outcome, Scan, StoreName};
use crate::error::Result;
use crate::host::Host;
use crate::index::{self, FANOUT, Merge, Part, PartId, SegmentFigures, Work, choose};
use crate::job::{Progress, Step};

/// What optimizing came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptimizeReport {
    /// Segments before.
    pub segments_before: u64,
    /// Segments now.
    pub segments_after: u64,
    /// Bytes of the records that held the index before.
    pub bytes_before: u64,
    /// Bytes of the records that hold it now.
    pub bytes_after: u64,
}

/// Optimizing under way. See [`crate::job`].
#[derive(Debug, Default)]
pub struct Optimizing {
    merging: Option<Merging>,
    started: bool,
    ended: bool,
    report: OptimizeReport,
}

/// Parts of a merged segment are stored once they have so many bytes: 256 KiB.
const STAGED_BYTES: usize = 256 << 10;

/// Segments that are being made one.
#[derive(Debug)]
struct Merging {
    merge: Merge,
    number: u64,
    /// Parts that are complete and are yet to be stored.
    ready: Vec<Part>,
    /// Parts that are stored already. Without part 0 nobody reads them.
    staged: Vec<u32>,
    progress: Progress,
}

impl Merging {
    fn new(choice: Vec<u64>, random: u128) -> Self {
        let progress = Progress { phase: "merge", done: 0, total: 0, unit: "terms" };
        Self { merge: Merge::new(choice), number: random as u64, ready: Vec::new(), staged: Vec::new(), progress }
    }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Whether there is anything to [tend](Store::tend).
    pub fn is_to_tend(&self) -> bool {
        let has_to = self.indexed.is_incomplete() || self.indexed.added() as usize >= FANOUT;
        has_to && !self.closed.get() && !self.indexed.tended.get()
    }

    /// Does what there is to do for the index: merges, if there is enough to merge, and goes on with what is to be indexed anew.
    /// Returns at once if somebody is at it.
    ///
    /// # Errors
    /// What the store cannot be read or written for. What was done stays done.
    pub async fn tend(&self) -> Result<()> {
        if !self.is_to_tend() {
            return Ok(());
        }
        self.indexed.tended.set(true);
        let tended = if self.can_index().await { self.tend_all().await } else { Ok(()) };
        self.indexed.tended.set(false);
        tended
    }

    async fn tend_all(&self) -> Result<()> {
        if self.index_config().await?.schema.is_none() {
            return Ok(());
        }
        self.indexed.forget_added();
        self.refresh_index().await?;
        if self.indexed.is_damaged() {
            self.start_reindex().await?;
            self.refresh_index().await?;
        }
        self.merge_all().await?;
        let mut run = Reindexing::default();
        while self.indexed.is_unfinished() && !self.closed.get() {
            if let Step::Done(..) = self.go_on_reindexing(&mut run).await? {
                break;
            }
            self.merge_all().await?;
        }
        Ok(())
    }

    /// Merges until there is nothing worth it.
    async fn merge_all(&self) -> Result<()> {
        loop {
            self.refresh_index().await?;
            // What is dead is known once all is attached.
            self.ask_index(&mut index::Index::ids).await?;
            let choice = choose(&self.whole_segments());
            let Some(choice) = choice.filter(|_| !self.closed.get()) else { return Ok(()) };
            let mut merging = Merging::new(choice, self.host.random());
            while self.merge_step(&mut merging).await?.is_none() {}
        }
    }

    /// The segments up to the last commit before which all are known. Among later ones, this engine's own, those of other tabs may
    /// be missing, and only what is adjacent can be merged.
    fn whole_segments(&self) -> Vec<SegmentFigures> {
        let known = self.indexed.known();
        let mut segments = self.with_index(|index| index.figures().segments);
        segments.retain(|segment| segment.stamp <= known);
        segments
    }

    /// Runs a step of a merge. The last answers whether there is one segment now; not if another tab was faster.
    async fn merge_step(&self, run: &mut Merging) -> Result<Option<bool>> {
        let Merging { merge, progress, .. } = run;
        let mut last = None;
        let step = self
            .ask_index(&mut |index| {
                Ok(match merge.step(index)? {
                    Work::Needs(parts) => Work::Needs(parts),
                    Work::Running(now) => {
                        *progress = now;
                        Work::Done(false)
                    }
                    Work::Done(parts) => {
                        last = parts;
                        Work::Done(true)
                    }
                })
            })
            .await?;
        self.shed_index();
        if !step {
            run.ready.extend(run.merge.take_parts());
            if run.ready.iter().map(|part| part.bytes.len()).sum::<usize>() >= STAGED_BYTES {
                let parts = std::mem::take(&mut run.ready);
                let ops = self.part_puts(run.number, &parts)?;
                run.staged.extend(parts.iter().map(|part| part.number));
                self.commit_ops(Vec::new(), ops).await?;
            }
            return Ok(None);
        }
        // Another tab was faster.
        let Some(parts) = last else {
            self.unstage(run).await?;
            return Ok(Some(false));
        };
        let mut checks = vec![self.index_config().await?.check()];
        let mut ops = self.part_puts(run.number, &run.ready)?;
        ops.extend(self.part_puts(run.number, &parts)?);
        for &number in run.merge.segments() {
            checks.push(Check::Present(StoreName::Segments, first_key(number)));
            ops.push(Op::Delete(StoreName::Segments, first_key(number)));
            ops.push(Op::DeleteRange(StoreName::Segments, other_parts(number)));
        }
        for &part in &run.staged {
            checks.push(Check::Present(StoreName::Segments, part_key(PartId { segment: run.number, part })));
        }
        if self.commit_ops(checks, ops).await? != Outcome::Committed {
            self.indexed.distrust();
            self.unstage(run).await?;
            return Ok(Some(false));
        }
        let first = parts.into_iter().find(|part| part.number == 0).map(|part| part.bytes).unwrap_or_default();
        let replaced = self.with_index(|index| index.replace(run.merge.segments(), run.number, first).err());
        self.indexed.note_taken_out();
        if replaced.is_some() {
            self.indexed.distrust();
        }
        Ok(Some(true))
    }

    fn part_puts(&self, number: u64, parts: &[Part]) -> Result<Vec<Op>> {
        let mut ops = Vec::with_capacity(parts.len());
        for part in parts {
            let key = part_key(PartId { segment: number, part: part.number });
            let record = seal_part(&key, &part.bytes)?;
            ops.push(Op::Put(StoreName::Segments, key, record));
        }
        Ok(ops)
    }

    /// Removes what was staged in vain.
    async fn unstage(&self, run: &Merging) -> Result<()> {
        if !run.staged.is_empty() {
            let range = other_parts(run.number);
            self.commit_ops(Vec::new(), vec![Op::DeleteRange(StoreName::Segments, range)]).await?;
        }
        Ok(())
    }

    /// Removes parts of segments without part 0: somebody died while merging. Somebody who is still at it begins again.
    pub(super) async fn clean_segments(&self, ownership: &Ownership) -> Result<()> {
        let parts = KeyRange::prefix(Key::new().number(1));
        let rows = self.scan(Scan::keys(StoreName::Segments, parts, PARTS_MAX)).await?;
        let mut numbers: Vec<u64> = Vec::new();
        for row in rows {
            let mut key = row.key.parse();
            let number = key.number().and_then(|_| key.number()).unwrap_or_default();
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
        for number in numbers {
            let checks = vec![ownership.check(), Check::Absent(StoreName::Segments, first_key(number))];
            if self.holds(checks.clone()).await? {
                let op = Op::DeleteRange(StoreName::Segments, other_parts(number));
                self.commit_ops(checks, vec![op]).await?;
            }
        }
        Ok(())
    }

    /// Runs the next step of making one segment of all.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] when nothing is indexed.
    pub async fn optimize(&self, run: &mut Optimizing) -> Result<Step<OptimizeReport>> {
        self.settled().await?;
        self.refresh_index().await?;
        self.ask_index(&mut index::Index::ids).await?;
        let segments = self.whole_segments();
        let figures = self.with_index(|index| index.figures());
        let bytes = self.stored_bytes(&figures).await?;
        if !run.started {
            run.started = true;
            (run.report.segments_before, run.report.bytes_before) = (segments.len() as u64, bytes);
        }
        let merging = match &mut run.merging {
            Some(merging) => merging,
            None if !run.ended && is_scattered(&segments) => {
                let numbers = segments.iter().map(|segment| segment.number).collect();
                run.merging.insert(Merging::new(numbers, self.host.random()))
            }
            None => {
                (run.report.segments_after, run.report.bytes_after) = (segments.len() as u64, bytes);
                let progress = Progress { phase: "merge", done: 1, total: 1, unit: "terms" };
                return Ok(Step::Done(progress, run.report.clone()));
            }
        };
        if let Some(merged) = self.merge_step(merging).await? {
            // What is written meanwhile is for the next time.
            (run.merging, run.ended) = (None, merged);
        }
        let progress = run.merging.as_ref().map(|merging| merging.progress);
        Ok(Step::Running(progress.unwrap_or(Progress { phase: "merge", done: 0, total: 0, unit: "terms" })))
    }
}

/// Whether these could be one segment without anything dead in it.
fn is_scattered(segments: &[SegmentFigures]) -> bool {
    segments.len() > 1 || segments.iter().any(|segment| segment.dead + segment.tombstones > 0)
}
