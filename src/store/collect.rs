//! The collector: deletes attachments that nothing refers to, and uploads that nobody finished.
//!
//! One step looks at one page of `blobs` beside the rows of `references` in the same stretch of hashes (both are in the order
//! of hashes), decides with [`blob::due`], and commits. The transaction checks for every attachment that it marks or deletes
//! that still no row refers to it and that its record is the one that was read: a writer in another tab either came first,
//! and the attachment is left alone, or comes later, finds it gone, and stores it again.

use super::Store;
use super::ask::corrupt;
use super::head::Counters;
use super::housekeeping::Ownership;
use super::plan::blob_counters;
use super::read::PAGE_ROWS;
use super::upload::Lease;
use crate::backend::{Backend, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::{self, Blob, CollectOptions, CollectReport, Due, Hash};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::job::{Progress, Step};
use std::ops::Bound;

/// Attachments that one step looks at.
const PAGE_BLOBS: usize = 256;

/// A collection under way. See [`crate::job`].
#[derive(Debug)]
pub struct Collection {
    options: CollectOptions,
    /// In the background: by whom.
    ownership: Option<Ownership>,
    /// The last key looked at; none before the first page.
    position: Option<Key>,
    blobs_done: bool,
    seen: u64,
    total: u64,
    report: CollectReport,
}

/// An attachment of a page, and what is due for it.
struct Candidate {
    hash: Hash,
    row: Row,
    blob: Blob,
    due: Due,
}

impl Collection {
    /// A collection that has not begun.
    pub fn new(options: CollectOptions) -> Self {
        let report = CollectReport { dry_run: options.dry_run, ..CollectReport::default() };
        Self { options, ownership: None, position: None, blobs_done: false, seen: 0, total: 0, report }
    }

    /// The same, for as long as this owner of the background work is the last.
    pub fn under(self, ownership: Ownership) -> Self {
        Self { ownership: Some(ownership), ..self }
    }

    fn progress(&self) -> Progress {
        Progress { phase: "collect", done: self.seen, total: self.total.max(self.seen), unit: "attachments" }
    }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Runs the next step of a collection.
    pub async fn collect(&self, collection: &mut Collection) -> Result<Step<CollectReport>> {
        self.settled().await?;
        if !collection.blobs_done {
            self.collect_page(collection).await?;
            return Ok(Step::Running(collection.progress()));
        }
        collection.report.uploads += self.collect_uploads(collection).await?;
        Ok(Step::Done(collection.progress(), collection.report))
    }

    async fn collect_page(&self, collection: &mut Collection) -> Result<()> {
        if collection.position.is_none() {
            collection.total = self.head().await?.0.counters.attachments;
        }
        let range = match &collection.position {
            Some(key) => KeyRange::all().after(key.clone()),
            None => KeyRange::all(),
        };
        let rows = self.scan(Scan::new(StoreName::Blobs, range, PAGE_BLOBS)).await?;
        collection.blobs_done = rows.len() < PAGE_BLOBS;
        collection.seen += rows.len() as u64;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let referenced = self.referenced(&first.key, &last.key).await?;
        collection.position = Some(last.key.clone());

        let (now_ms, grace_ms) = (self.host.now_ms(), collection.options.grace_ms.unwrap_or(self.options.grace_ms));
        let mut candidates = Vec::new();
        for row in rows {
            // A damaged record says nothing that could be acted on; `verify` reports it.
            let (hash, blob) = match Blob::open_row(&row) {
                Ok(opened) => opened,
                Err(error) => {
                    corrupt(error)?;
                    continue;
                }
            };
            let due = blob::due(&blob, referenced.binary_search(&hash).is_ok(), now_ms, grace_ms);
            if due != Due::Keep {
                candidates.push(Candidate { hash, row, blob, due });
            }
        }
        if !collection.options.dry_run {
            candidates = self.execute(candidates, now_ms, collection.ownership.as_ref()).await?;
        }
        for candidate in &candidates {
            match candidate.due {
                Due::Delete => {
                    collection.report.attachments += 1;
                    collection.report.bytes += candidate.blob.stored_size;
                }
                Due::Mark => collection.report.marked += 1,
                Due::Keep => {}
            }
        }
        Ok(())
    }

    /// The attachments between two keys of `blobs` that any row refers to, in order.
    async fn referenced(&self, first: &Key, last: &Key) -> Result<Vec<Hash>> {
        let mut referenced = Vec::new();
        let upper = last.successor_of_prefix().map_or(Bound::Unbounded, Bound::Excluded);
        let range = KeyRange { lower: Bound::Included(first.clone()), upper };
        let mut note = |row: Row| {
            if let Ok(hash) = row.key.parse().hash().map(Hash::from_bytes)
                && referenced.last() != Some(&hash)
            {
                referenced.push(hash);
            }
            Ok(())
        };
        self.each_row(Scan::keys(StoreName::References, range, PAGE_ROWS), &mut note).await?;
        Ok(referenced)
    }

    /// Commits what is due, and returns what was committed: a candidate that somebody has used meanwhile is left out.
    async fn execute(
        &self,
        mut candidates: Vec<Candidate>,
        now_ms: u64,
        ownership: Option<&Ownership>,
    ) -> Result<Vec<Candidate>> {
        while !candidates.is_empty() {
            let (mut checks, mut ops) = (Vec::new(), Vec::new());
            let mut before = Counters::default();
            for candidate in &candidates {
                let Candidate { hash, row, blob, due } = candidate;
                checks.push(Check::Unchanged(StoreName::Blobs, row.key.clone(), row.value.clone()));
                checks.push(Check::Empty(StoreName::References, blob::reference_range(hash)));
                if *due == Due::Mark {
                    let marked = Blob { unreferenced_since: Some(now_ms), ..blob.clone() };
                    ops.push(Op::Put(StoreName::Blobs, row.key.clone(), marked.seal(hash)?));
                } else {
                    before = before.plus(blob_counters(blob));
                    ops.push(Op::Delete(StoreName::Blobs, row.key.clone()));
                    ops.push(Op::DeleteRange(StoreName::Parts, blob::part_range(blob.parts)));
                }
            }
            checks.extend(ownership.map(Ownership::check));
            match self.commit_counted(checks, ops, before, Counters::default()).await? {
                Outcome::Committed => return Ok(candidates),
                Outcome::Refused { check } if check / 2 < candidates.len() => drop(candidates.swap_remove(check / 2)),
                // Somebody else does the background work now.
                Outcome::Refused { .. } => return Err(Error::Cancelled.into()),
            }
        }
        Ok(candidates)
    }

    /// Deletes the uploads whose lease has run out, or counts them.
    async fn collect_uploads(&self, collection: &Collection) -> Result<u64> {
        let (dry_run, ownership) = (collection.options.dry_run, collection.ownership.as_ref());
        let mut collected = 0;
        for (set, Row { key, value }) in self.leases().await? {
            let Ok(lease) = Lease::open(&key, &value) else { continue };
            if lease.until_ms >= self.host.now_ms() {
                continue;
            }
            let ops = vec![
                Op::Delete(StoreName::Meta, key.clone()),
                Op::DeleteRange(StoreName::Parts, blob::part_range(set)),
            ];
            let mut checks = vec![Check::Unchanged(StoreName::Meta, key, value)];
            checks.extend(ownership.map(Ownership::check));
            if dry_run || self.commit_ops(checks, ops).await? == Outcome::Committed {
                collected += 1;
            }
        }
        Ok(collected)
    }
}
