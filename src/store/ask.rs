//! How the engine asks its backend and its host.
//!
//! A future that is awaited where it was made becomes a part of the future around it, with all of its states and what drops
//! them, once for every place. In a box it takes two words there. Beside a transaction an allocation costs nothing, and the
//! wasm is a good deal smaller.

use super::Store;
use super::head::Counters;
use super::patience::Patience;
use super::plan::Planned;
use super::read::PAGE_ROWS;
use crate::backend::{Backend, Batch, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::Hash;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::Host;
use std::pin::Pin;

/// A future in a box.
pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What is wrong with a record. Any other error says nothing of it, and goes on.
pub(super) fn corrupt(error: Box<Error>) -> Result<Box<Error>> {
    if error.is_corrupt() { Ok(error) } else { Err(error) }
}

impl<B: Backend, H: Host> Store<B, H> {
    /// How often one call of this store tries again.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.host.now_ms())
    }

    /// Takes note that a lost connection works again.
    pub(super) fn healed(&self, cause: Option<Box<Error>>) {
        if let Some(cause) = cause {
            self.host.report(Event::Healed { cause });
        }
    }

    /// See [`Backend::get`]. A read that lost the connection is made again.
    pub(super) fn get<'a>(&'a self, store: StoreName, keys: &'a [Key]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>> {
        Box::pin(async move {
            let (mut patience, mut lost) = (self.patience(), None);
            loop {
                match self.backend.get(store, keys).await {
                    Err(error) if patience.after(&error, &self.host).await => lost = Some(error),
                    read => {
                        self.healed(lost.filter(|_| read.is_ok()));
                        return read;
                    }
                }
            }
        })
    }

    /// Reads a single record.
    pub(super) fn get_one<'a>(&'a self, store: StoreName, key: &'a Key) -> Answer<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move {
            let mut values = self.get(store, std::slice::from_ref(key)).await?;
            values
                .pop()
                .ok_or_else(|| Error::Backend { cause: "get answered without an entry for the key".into() }.into())
        })
    }

    /// Whether a record is as it was when it was read, or still missing.
    pub(super) fn is_still<'a>(
        &'a self,
        store: StoreName,
        key: &'a Key,
        read: Option<&'a [u8]>,
    ) -> Answer<'a, Result<bool>> {
        Box::pin(async move { Ok(self.get_one(store, key).await?.as_deref() == read) })
    }

    /// See [`Backend::scan`]. A read that lost the connection is made again.
    pub(super) fn scan(&self, scan: Scan) -> Answer<'_, Result<Vec<Row>>> {
        Box::pin(async move {
            let (mut patience, mut lost) = (self.patience(), None);
            loop {
                match self.backend.scan(scan.clone()).await {
                    Err(error) if patience.after(&error, &self.host).await => lost = Some(error),
                    read => {
                        self.healed(lost.filter(|_| read.is_ok()));
                        return read;
                    }
                }
            }
        })
    }

    /// Reads a range to its end, `scan.limit` rows at a time.
    pub(super) fn each_row<'a>(
        &'a self,
        mut scan: Scan,
        each: &'a mut dyn FnMut(Row) -> Result<()>,
    ) -> Answer<'a, Result<()>> {
        Box::pin(async move {
            loop {
                let rows = self.scan(scan.clone()).await?;
                let last = rows.last().filter(|_| rows.len() == scan.limit).map(|row| row.key.clone());
                rows.into_iter().try_for_each(&mut *each)?;
                match last {
                    Some(last) => scan.range = scan.range.after(last),
                    None => return Ok(()),
                }
            }
        })
    }

    /// How many rows a range has.
    pub(super) async fn count_rows(&self, store: StoreName, range: KeyRange) -> Result<u64> {
        let mut rows = 0;
        let mut count = |_| {
            rows += 1;
            Ok(())
        };
        self.each_row(Scan::keys(store, range, PAGE_ROWS), &mut count).await?;
        Ok(rows)
    }

    /// Whether a range has no row.
    pub(super) fn is_empty(&self, store: StoreName, range: KeyRange) -> Answer<'_, Result<bool>> {
        Box::pin(async move { Ok(self.scan(Scan::keys(store, range, 1)).await?.is_empty()) })
    }

    /// See [`Backend::commit`].
    pub(super) fn commit_batch(&self, batch: Batch) -> Answer<'_, Result<Outcome>> {
        Box::pin(self.backend.commit(batch))
    }

    /// Whether all of this is so at one moment.
    pub(super) fn holds(&self, checks: Vec<Check>) -> Answer<'_, Result<bool>> {
        Box::pin(async move {
            let batch = Batch { checks, ..Batch::default() };
            Ok(self.commit_batch(batch).await? == Outcome::Committed)
        })
    }

    /// Commits changes that touch no session, with what they change of the counters.
    pub(super) fn commit_counted(
        &self,
        checks: Vec<Check>,
        ops: Vec<Op>,
        before: Counters,
        after: Counters,
    ) -> Answer<'_, Result<Outcome>> {
        let batch = Batch { checks, ops, durability: self.options.durability };
        self.commit(Planned { before, after, ..Planned::of(batch) })
    }

    /// See [`Host::sha256`].
    pub(super) fn sha256<'a>(&'a self, bytes: &'a [u8]) -> Answer<'a, Hash> {
        Box::pin(self.host.sha256(bytes))
    }
}
