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

/// What became of a stretch.
enum Replayed {
    All,
    NoRoom,
    /// Its page took some of it out of the journal meanwhile.
    Outdated,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// The first records of the journal.
    pub(super) fn journal(&self) -> Answer<'_, Result<Vec<Row>>> {
        self.scan(Scan::new(StoreName::Journal, KeyRange::all(), PAGE_ROWS))
    }

    /// Stores what the journal holds, from its first records on, and empties it. What is damaged stays in it for `verify`;
    /// what the store refuses is reported.
    pub(super) async fn replay(&self, mut rows: Vec<Row>) -> Result<()> {
        let mut range = KeyRange::all();
        while let Some(last) = rows.last().map(|row| row.key.clone()) {
            let mut next = KeyRange::all().after(last);
            for stretch in self.stretches(rows)? {
                match self.replay_stretch(stretch).await? {
                    Replayed::All => {}
                    // What has no room now holds up what comes behind it.
                    Replayed::NoRoom => return Ok(()),
                    // There are fewer now.
                    Replayed::Outdated => {
                        next = range;
                        break;
                    }
                }
            }
            range = next;
            rows = self.scan(Scan::new(StoreName::Journal, range.clone(), PAGE_ROWS)).await?;
        }
        Ok(())
    }

    fn stretches(&self, rows: Vec<Row>) -> Result<Vec<Stretch>> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for Row { key, value } in rows {
            let Some((writer, seq)) = journal::parse(&key) else { continue };
            let write = match journal::open(&key, &value) {
                Ok(write) => write,
                Err(error) => {
                    self.host.report(Event::Failed { error: corrupt(error)? });
                    continue;
                }
            };
            let goes_on = |last: &Stretch| last.ledger.writer() == writer && last.bytes <= BATCH_BYTES_MAX;
            if !stretches.last().is_some_and(goes_on) {
                let (writes, seqs, keys) = (Vec::new(), Vec::new(), Vec::new());
                stretches.push(Stretch { ledger: Ledger::new(writer), writes, seqs, keys, bytes: 0 });
            }
            if let Some(stretch) = stretches.last_mut() {
                stretch.bytes += value.len();
                stretch.writes.push(Rc::new(write));
                stretch.seqs.push(seq);
                stretch.keys.push(key);
            }
        }
        Ok(stretches)
    }

    async fn replay_stretch(&self, stretch: Stretch) -> Result<Replayed> {
        let Stretch { ledger, writes, seqs, keys, .. } = stretch;
        // What the page of this engine left in it, that page may also send.
        let ledger = if ledger.writer() == self.ledger.writer() { &self.ledger } else { &ledger };
        self.learn(ledger).await?;
        let acks = vec![Ack::Accepted; seqs.len()];
        let (superseded, given_up) = (Vec::new(), Vec::new());
        let journal = keys.as_slice();
        let work = Work { writes: &writes, seqs, acks, ledger, durable: false, journal, superseded, given_up };
        let touched: Vec<_> = writes.iter().flat_map(|write| write.sessions()).cloned().collect();
        for answer in self.apply(&work, &touched, None).await {
            match answer {
                Ok(_) => {}
                Err(error) if matches!(*error, Error::Cancelled) => return Ok(Replayed::Outdated),
                // Without room the store opens all the same, and the journal keeps what it has.
                Err(error) if matches!(*error, Error::StorageFull { .. }) => {
                    self.host.report(Event::Failed { error });
                    return Ok(Replayed::NoRoom);
                }
                Err(error) if error.is_of_storage() => return Err(error),
                Err(error) => self.host.report(Event::Failed { error }),
            }
        }
        Ok(Replayed::All)
    }
}
