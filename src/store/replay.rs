//! Replaying the journal when a store is opened. See `store/journal.rs` for what it holds.

use super::ask::{Answer, corrupt};
use super::ledger::Ledger;
use super::write::Write;
use super::{Store, Work, journal};
use crate::backend::{Backend, Key, KeyRange, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::Host;
use crate::queue::{Ack, BATCH_BYTES_MAX};
use std::rc::Rc;

/// Records that one scan reads: 8, so at most 128 MiB.
const PAGE_ROWS: usize = 8;

/// Writes of one writer that are replayed together.
struct Stretch {
    ledger: Ledger,
    writes: Vec<Rc<Write>>,
    seqs: Vec<u64>,
    keys: Vec<Key>,
    bytes: usize,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// The first records of the journal.
    pub(super) fn journal(&self) -> Answer<'_, Result<Vec<Row>>> {
        self.scan(Scan::new(StoreName::Journal, KeyRange::all(), PAGE_ROWS))
    }

    /// Stores what the journal holds, from its first records on, and empties it. What is damaged stays in it for `verify`;
    /// what the store refuses is reported.
    pub(super) async fn replay(&self, mut rows: Vec<Row>) -> Result<()> {
        loop {
            let Some(last) = rows.last().map(|row| row.key.clone()) else { return Ok(()) };
            let mut stretch: Option<Stretch> = None;
            for Row { key, value } in rows {
                let Some((writer, seq)) = journal::parse(&key) else { continue };
                let write = match journal::open(&key, &value) {
                    Ok(write) => write,
                    Err(error) => {
                        self.host.report(Event::Failed { error: corrupt(error)? });
                        continue;
                    }
                };
                let ends = |stretch: &mut Stretch| stretch.ledger.writer() != writer || stretch.bytes > BATCH_BYTES_MAX;
                if let Some(stretch) = stretch.take_if(ends)
                    && !self.replay_stretch(stretch).await?
                {
                    return Ok(());
                }
                let stretch = stretch.get_or_insert_with(|| Stretch {
                    ledger: Ledger::new(writer),
                    writes: Vec::new(),
                    seqs: Vec::new(),
                    keys: Vec::new(),
                    bytes: 0,
                });
                stretch.bytes += value.len();
                stretch.writes.push(Rc::new(write));
                stretch.seqs.push(seq);
                stretch.keys.push(key);
            }
            if let Some(stretch) = stretch
                && !self.replay_stretch(stretch).await?
            {
                return Ok(());
            }
            rows = self.scan(Scan::new(StoreName::Journal, KeyRange::all().after(last), PAGE_ROWS)).await?;
        }
    }

    /// Says whether to go on: what has no room now holds up what comes behind it.
    async fn replay_stretch(&self, stretch: Stretch) -> Result<bool> {
        let Stretch { ledger, writes, seqs, keys, .. } = stretch;
        self.learn(&ledger).await?;
        // Nobody waits for these, so what is refused is decided.
        let acks = vec![Ack::Committed; seqs.len()];
        let work = Work { writes: &writes, seqs, acks, ledger: &ledger, durable: false, journal: &keys };
        let touched: Vec<_> = writes.iter().flat_map(|write| write.sessions()).cloned().collect();
        for answer in self.apply(&work, &touched, None).await {
            match answer {
                Ok(_) => {}
                // Without room the store opens all the same, and the journal keeps what it has.
                Err(error) if matches!(*error, Error::StorageFull { .. }) => {
                    self.host.report(Event::Failed { error });
                    return Ok(false);
                }
                Err(error) if error.is_of_storage() => return Err(error),
                Err(error) => self.host.report(Event::Failed { error }),
            }
        }
        Ok(true)
    }
}
