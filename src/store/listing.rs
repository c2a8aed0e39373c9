//! Listing sessions in the order of their ids or of a metadata field, page by page, without reading a list.
//!
//! By id the store's own order serves. For a field, the (key, id) pairs of all sessions are read once and kept until some
//! session's metadata changes ([`Head::metadata_generation`](super::Head)); a page is then the records of its ids.

use super::Store;
use super::read::SessionRead;
use crate::backend::{Backend, Key, KeyRange, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::session::metadata::{SortKey, sort_key};
use crate::session::{Id, SessionRecord, session_key};
use std::cell::RefCell;
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
            Err(error) if error.is_corrupt() => self.damaged.push((id_of(key)?, error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.damaged.len()
    }
}

type Order = Rc<Vec<(SortKey, Id)>>;

/// Orders kept in memory.
#[derive(Default)]
pub(super) struct Orders(RefCell<Vec<KeptOrder>>);

struct KeptOrder {
    field: String,
    /// The metadata generation that it holds for.
    generation: u64,
    order: Order,
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
            Some(field) => self.list_by_field(query, field, after).await,
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
        let mut entries = page_of(&order, query.reverse, after.as_ref()).peekable();
        let mut page = SessionPage::new();
        let mut last = None;
        // A session that another tab deleted meanwhile is passed over, and the page filled up from behind it.
        while page.len() < query.limit {
            let wanted: Vec<_> = entries.by_ref().take(query.limit - page.len()).collect();
            let Some(end) = wanted.last() else { break };
            last = Some(*end);
            let keys: Vec<Key> = wanted.iter().map(|(_, id)| session_key(id.as_str())).collect();
            let records = self.get(StoreName::Sessions, &keys).await?;
            for (key, record) in keys.iter().zip(records) {
                if let Some(record) = record {
                    page.push(key, &record)?;
                }
            }
        }
        if let (Some((key, id)), Some(_)) = (last, entries.peek()) {
            page.next = Some(position(key, id));
        }
        Ok(page)
    }

    async fn order(&self, field: &str) -> Result<Order> {
        let generation = self.head().await?.metadata_generation;
        self.orders.0.borrow_mut().retain(|kept| kept.generation == generation);
        if let Some(kept) = self.orders.0.borrow().iter().find(|kept| kept.field == field) {
            return Ok(Rc::clone(&kept.order));
        }
        let mut order = Vec::new();
        let mut read = |row: Row| {
            // A damaged session has a place in the listing too, so that it is reported there.
            let key = match SessionRecord::open(&row.key, &row.value) {
                Ok(session) => sort_key(&session.json, field).unwrap_or(SortKey::None),
                Err(error) if error.is_corrupt() => SortKey::None,
                Err(error) => return Err(error),
            };
            order.push((key, id_of(&row.key)?));
            Ok(())
        };
        self.each_row(Scan::new(StoreName::Sessions, KeyRange::all(), PAGE_SESSIONS_MAX), &mut read).await?;
        order.sort_unstable();
        let order = Rc::new(order);
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

/// The entries of a listing after a position, in its direction: sessions without the field last either way.
fn page_of<'o>(
    order: &'o [(SortKey, Id)],
    reverse: bool,
    after: Option<&(SortKey, Id)>,
) -> Box<dyn Iterator<Item = &'o (SortKey, Id)> + 'o> {
    let (with, without) = order.split_at(order.partition_point(|(key, _)| *key != SortKey::None));
    if !reverse {
        return Box::new(after.map_or(order, |after| rest(order, after)).iter());
    }
    match after {
        None => Box::new(with.iter().rev().chain(without)),
        Some(after) if after.0 == SortKey::None => Box::new(rest(without, after).iter()),
        Some(after) => {
            let end = with.partition_point(|entry| entry < after);
            Box::new(with.get(..end).unwrap_or_default().iter().rev().chain(without))
        }
    }
}

fn rest<'o>(order: &'o [(SortKey, Id)], after: &(SortKey, Id)) -> &'o [(SortKey, Id)] {
    order.get(order.partition_point(|entry| entry <= after)..).unwrap_or_default()
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
