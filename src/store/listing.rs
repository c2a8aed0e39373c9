//! Listing sessions in the order of their ids or of a metadata field, page by page, without reading a list.
//!
//! By id the store's own order serves. For a field, the (key, id) pairs of all sessions are read once and kept until some
//! session's metadata changes ([`Head::metadata_generation`](super::Head)); a page is then the records of its ids.

use super::Store;
use super::ask::corrupt;
use super::read::SessionRead;
use crate::backend::{Backend, Key, KeyRange, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::session::metadata::{SortKey, sort_key};
use crate::session::{Id, SessionRecord, session_key};
use futures_lite::FutureExt;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Bound;
use std::rc::Rc;

/// The most sessions on a page.
pub const PAGE_SESSIONS_MAX: usize = 1000;

/// The most fields whose order is kept in memory.
const ORDERS_MAX: usize = 4;

/// Which sessions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// A top-level field of the metadata: dates and numbers come first, then texts, then sessions without it. By default
    /// the id.
    pub order_by: Option<String>,
    /// From the largest down; sessions without the field still come last.
    pub reverse: bool,
    /// Sessions on the page, 1 to 1,000.
    pub limit: usize,
    /// Go on after this: the `next` of the page before.
    pub after: Option<String>,
}

/// A page of sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPage {
    /// Their metadata.
    pub sessions: Vec<SessionRead>,
    /// Sessions that stand on this page and cannot be read: their ids, and why.
    pub damaged: Vec<(Id, Box<Error>)>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<String>,
}

impl SessionPage {
    fn new() -> Self {
        Self { sessions: Vec::new(), damaged: Vec::new(), next: None }
    }

    fn push(&mut self, key: &Key, record: &[u8]) -> Result<()> {
        match SessionRecord::open(key, record) {
            Ok(session) => self.sessions.push(session.into()),
            Err(error) => self.damaged.push((id_of(key)?, corrupt(error)?)),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.damaged.len()
    }
}

/// The sessions in the order of a field.
struct Order {
    /// From the smallest key up.
    entries: Vec<(SortKey, Id)>,
    /// How many of them have the field.
    with: usize,
}

impl Order {
    fn new(mut entries: Vec<(SortKey, Id)>) -> Self {
        entries.sort_unstable();
        let with = entries.partition_point(|(key, _)| *key != SortKey::None);
        Self { entries, with }
    }

    /// The entry at a place of the listing: sessions without the field stand last in either direction.
    fn get(&self, place: usize, reverse: bool) -> Option<&(SortKey, Id)> {
        self.entries.get(if reverse && place < self.with { self.with - 1 - place } else { place })
    }

    /// The place in the listing that follows a position.
    fn place_after(&self, after: &(SortKey, Id), reverse: bool) -> usize {
        let is_mirrored = reverse && after.0 != SortKey::None;
        let end = if is_mirrored { Ordering::Equal } else { Ordering::Greater };
        let before = self.entries.partition_point(|entry| entry.cmp(after) < end);
        if is_mirrored { self.with - before } else { before }
    }
}

/// Orders kept in memory.
#[derive(Default)]
pub(super) struct Orders(RefCell<Vec<KeptOrder>>);

struct KeptOrder {
    field: String,
    /// The metadata generation that it holds for.
    generation: u64,
    order: Rc<Order>,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// Lists sessions.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a limit out of bounds or an `after` that no page returned. A damaged session is no
    /// error of the call, so that the others can be listed.
    pub async fn list(&self, query: &ListQuery) -> Result<SessionPage> {
        self.settled().await?;
        if !(1..=PAGE_SESSIONS_MAX).contains(&query.limit) {
            return Err(Error::invalid("limit", format!("it lies between 1 and {PAGE_SESSIONS_MAX}")));
        }
        let unknown = || Error::invalid("after", "it is the `next` of an earlier page");
        let after = query.after.as_deref().map(|after| read_position(after).ok_or_else(unknown)).transpose()?;
        match &query.order_by {
            None => self.list_by_id(query, after).await,
            Some(field) => self.list_by_field(query, field, after).boxed_local().await,
        }
    }

    async fn list_by_id(&self, query: &ListQuery, after: Option<(SortKey, Id)>) -> Result<SessionPage> {
        let end = after.map(|(_, id)| Bound::Excluded(session_key(id.as_str())));
        let range = match (end, query.reverse) {
            (None, _) => KeyRange::all(),
            (Some(end), false) => KeyRange { lower: end, upper: Bound::Unbounded },
            (Some(end), true) => KeyRange { lower: Bound::Unbounded, upper: end },
        };
        let scan = Scan::new(StoreName::Sessions, range, query.limit);
        let rows = self.scan(if query.reverse { scan.reverse() } else { scan }).await?;
        let mut page = SessionPage::new();
        for row in &rows {
            page.push(&row.key, &row.value)?;
        }
        if let Some(last) = rows.last()
            && rows.len() == query.limit
        {
            page.next = Some(position(&SortKey::None, &id_of(&last.key)?));
        }
        Ok(page)
    }

    async fn list_by_field(&self, query: &ListQuery, field: &str, after: Option<(SortKey, Id)>) -> Result<SessionPage> {
        let order = self.order(field).await?;
        let mut place = after.map_or(0, |after| order.place_after(&after, query.reverse));
        let mut page = SessionPage::new();
        let mut last = None;
        // A session that another tab deleted meanwhile is passed over, and the page filled up from behind it.
        while page.len() < query.limit {
            let mut keys = Vec::new();
            while keys.len() < query.limit - page.len()
                && let Some(entry) = order.get(place, query.reverse)
            {
                keys.push(session_key(entry.1.as_str()));
                last = Some(entry);
                place += 1;
            }
            if keys.is_empty() {
                break;
            }
            let records = self.get(StoreName::Sessions, &keys).await?;
            for (key, record) in keys.iter().zip(records) {
                if let Some(record) = record {
                    page.push(key, &record)?;
                }
            }
        }
        if place < order.entries.len()
            && let Some((key, id)) = last
        {
            page.next = Some(position(key, id));
        }
        Ok(page)
    }

    async fn order(&self, field: &str) -> Result<Rc<Order>> {
        let (head, exact) = self.head().await?;
        let generation = head.metadata_generation;
        self.orders.0.borrow_mut().retain(|kept| exact && kept.generation == generation);
        if let Some(kept) = self.orders.0.borrow().iter().find(|kept| kept.field == field) {
            return Ok(Rc::clone(&kept.order));
        }
        let mut entries = Vec::new();
        let mut read = |row: Row| {
            // A damaged session has a place in the listing too, so that it is reported there.
            let key = match SessionRecord::open(&row.key, &row.value) {
                Ok(session) => sort_key(&session.json, field).unwrap_or(SortKey::None),
                Err(error) => {
                    corrupt(error)?;
                    SortKey::None
                }
            };
            entries.push((key, id_of(&row.key)?));
            Ok(())
        };
        self.each_row(Scan::new(StoreName::Sessions, KeyRange::all(), PAGE_SESSIONS_MAX), &mut read).await?;
        let order = Rc::new(Order::new(entries));
        let mut orders = self.orders.0.borrow_mut();
        if orders.len() >= ORDERS_MAX {
            orders.remove(0);
        }
        orders.push(KeptOrder { field: field.to_owned(), generation, order: Rc::clone(&order) });
        Ok(order)
    }
}

/// Where a page ended, as `next` has it: what kind of key, the key (a number by its bits, so that it comes back exactly; a
/// text behind its length), and the id.
fn position(key: &SortKey, id: &Id) -> String {
    let id = id.as_str();
    match key {
        SortKey::Number(number) => format!("n{:016x}{id}", number.to_bits()),
        SortKey::Text(text) => format!("t{:016x}{text}{id}", text.len()),
        SortKey::None => format!("-{id}"),
    }
}

/// The position that [`position`] wrote, if it did.
fn read_position(position: &str) -> Option<(SortKey, Id)> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (kind, rest) = position.split_at_checked(1)?;
    let (key, id) = match kind {
        "n" => {
            let (bits, id) = rest.split_at_checked(16)?;
            (SortKey::Number(f64::from_bits(number(bits)?)), id)
        }
        "t" => {
            let (length, rest) = rest.split_at_checked(16)?;
            let (text, id) = rest.split_at_checked(usize::try_from(number(length)?).ok()?)?;
            (SortKey::Text(text.to_owned()), id)
        }
        "-" => (SortKey::None, rest),
        _ => return None,
    };
    Some((key, Id::new(id).ok()?))
}

fn id_of(key: &Key) -> Result<Id> {
    let mut components = key.parse();
    let id = components.text()?;
    components.end()?;
    Id::new(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_it_was_and_no_other_text_is_one() {
        let id = Id::new("t-é").unwrap();
        let keys = [
            SortKey::Number(0.1 + 0.2),
            SortKey::Number(-0.0),
            SortKey::Text(String::new()),
            SortKey::Text("n\0é-".into()),
            SortKey::None,
        ];
        for key in keys {
            let text = position(&key, &id);
            assert_eq!(read_position(&text), Some((key, id.clone())), "{text}");
        }
        for wrong in ["", "-", "é", "n", "n0123456789abcdef", "t0000000000000009abc", "tffffffffffffffffabc", "made up"]
        {
            assert_eq!(read_position(wrong), None, "{wrong}");
        }
    }
}
