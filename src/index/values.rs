//! One order for a keyword field's values in all segments.
//!
//! A segment numbers its own values. The segment with the most of them leads: value n of it has the key `n << 32 | u32::MAX`, and
//! a value that it does not have gets a key between its neighbours there. So equal values have equal keys, keys are in the
//! order of the values, and with a single segment there is nothing to translate.

use super::bytes::Read;
use super::segments::{Damaged, Index, damaged};

/// See the module.
#[derive(Debug)]
pub(super) struct Values {
    field: usize,
    /// The place of the leading segment.
    lead: usize,
    /// By segment: the keys of its values; none for the lead.
    keys: Vec<Option<Vec<u64>>>,
    /// What the lead does not have, in order.
    more: Vec<String>,
}

const OF_LEAD: u64 = u32::MAX as u64;

impl Values {
    /// The key of a segment's value.
    #[inline(always)]
    pub(super) fn key(&self, segment: usize, value: u32) -> u64 {
        match self.keys.get(segment) {
            Some(Some(keys)) => keys.get(value as usize).copied().unwrap_or(u64::MAX),
            _ => u64::from(value) << 32 | OF_LEAD,
        }
    }

    /// A place in a table of all values, of [`Values::len`] places: first those of the lead.
    #[inline(always)]
    pub(super) fn place(&self, key: u64, lead: usize) -> usize {
        if key & OF_LEAD == OF_LEAD { (key >> 32) as usize } else { lead + (key & OF_LEAD) as usize }
    }

    /// How many distinct values there are: of the lead, and in all.
    pub(super) fn len(&self, index: &Index) -> (usize, usize) {
        let column = index.segments.get(self.lead).and_then(|attached| attached.segment.keywords(self.field));
        let lead = column.map_or(0, |column| column.distinct() as usize);
        (lead, lead + self.more.len())
    }

    /// The value of a place.
    pub(super) fn text(&self, index: &Index, place: usize, lead: usize) -> Result<String, Damaged> {
        if let Some(more) = place.checked_sub(lead) {
            return Ok(self.more.get(more).cloned().unwrap_or_default());
        }
        let Some(attached) = index.segments.get(self.lead) else { return Ok(String::new()) };
        let text = attached.segment.keywords(self.field).map(|column| column.trie().nth(place as u32)).transpose();
        let text = text.map_err(|damage| damaged(attached.segment.number, damage))?;
        Ok(String::from_utf8_lossy(&text.unwrap_or_default()).into_owned())
    }

    /// The places in the order of their values.
    pub(super) fn order(&self, lead: usize) -> Vec<usize> {
        let mut keys: Vec<u64> = (0..lead as u64).map(|value| value << 32 | OF_LEAD).collect();
        for keys_of in self.keys.iter().flatten() {
            keys.extend(keys_of.iter().filter(|&&key| key & OF_LEAD != OF_LEAD));
        }
        if !self.more.is_empty() {
            keys.sort_unstable();
            keys.dedup();
        }
        keys.into_iter().map(|key| self.place(key, lead)).collect()
    }
}

impl Index {
    /// The values of a field whose columns are ready.
    pub(super) fn values(&self, field: usize) -> Result<Values, Damaged> {
        let distinct = |at: &usize| {
            let column = self.segments.get(*at).and_then(|attached| attached.segment.keywords(field));
            column.map_or(0, super::column::Keywords::distinct)
        };
        let lead = (0..self.segments.len()).max_by_key(distinct).unwrap_or(0);
        let mut values = Values { field, lead, keys: Vec::new(), more: Vec::new() };
        // What the lead does not have: the value, the key of the next one that it has, and whose value it is.
        let mut unknown: Vec<(String, u32, usize, usize)> = Vec::new();
        for (at, attached) in self.segments.iter().enumerate() {
            let keys = if at == lead { Ok(None) } else { self.keys(at, lead, field, &mut unknown).map(Some) };
            values.keys.push(keys.map_err(|damage| damaged(attached.segment.number, damage))?);
        }
        unknown.sort_unstable();
        for (text, next, segment, value) in unknown {
            if values.more.last() != Some(&text) {
                values.more.push(text);
            }
            let key = u64::from(next) << 32 | (values.more.len() as u64 - 1);
            if let Some(Some(Some(slot))) =
                values.keys.get_mut(segment).map(|keys| keys.as_mut().map(|keys| keys.get_mut(value)))
            {
                *slot = key;
            }
        }
        Ok(values)
    }

    fn keys(
        &self,
        segment: usize,
        lead: usize,
        field: usize,
        unknown: &mut Vec<(String, u32, usize, usize)>,
    ) -> Read<Vec<u64>> {
        let column = |at: usize| self.segments.get(at).and_then(|attached| attached.segment.keywords(field));
        let (Some(own), Some(of_lead)) = (column(segment), column(lead)) else { return Ok(Vec::new()) };
        let mut keys = Vec::with_capacity(own.distinct() as usize);
        let mut walk = own.trie().walk()?;
        while walk.next()?.is_some() {
            let (next, same) = of_lead.trie().find(walk.string())?;
            if !same {
                unknown.push((String::from_utf8_lossy(walk.string()).into_owned(), next, segment, keys.len()));
            }
            keys.push(u64::from(next) << 32 | OF_LEAD);
        }
        Ok(keys)
    }
}
