//! The records of the sessions that this engine wrote last.
//!
//! Who records appends to one session again and again. Planning on the record as it was left saves a read, and is as safe: the
//! commit checks that the record is still the stored one. Only a refusal by the plan itself (there is no such session) rests on
//! nothing that is checked, and is asked again with a fresh read.

use crate::session::Id;
use std::cell::RefCell;
use std::collections::VecDeque;

/// Sessions that are remembered.
const SESSIONS_MAX: usize = 16;

/// Bytes of the largest record that is remembered: 256 KiB.
const RECORD_BYTES_MAX: usize = 256 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent(RefCell<VecDeque<(Id, Vec<u8>)>>);

impl Recent {
    /// The record as it was left, if it is remembered.
    pub(super) fn get(&self, id: &Id) -> Option<Vec<u8>> {
        self.0.borrow().iter().find(|(known, _)| known == id).map(|(_, record)| record.clone())
    }

    /// Remembers what a commit left, and forgets those of its sessions that it does not name any more.
    pub(super) fn put(&self, touched: &[Id], records: Vec<(Id, Vec<u8>)>) {
        let mut known = self.0.borrow_mut();
        known.retain(|(id, _)| !touched.contains(id));
        known.extend(records.into_iter().filter(|(_, record)| record.len() <= RECORD_BYTES_MAX));
        let surplus = known.len().saturating_sub(SESSIONS_MAX);
        known.drain(..surplus);
    }

    /// Forgets everything: somebody else was faster.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
