//! Listing sessions in the order of their ids or of a metadata field, page by page, without reading a list.
//!
//! By id the store's own order serves. For a field, the (key, id) pairs of all sessions are read once and kept until some
//! session's metadata changes ([`Head::metadata_generation`](super::Head)); a page is then the records of its ids.

use super::Store;
use super::read::SessionRead;
use crate::backend::{Backend, Key, KeyRange, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::session::metadata::{SortKey, sort_key};
use crate::session::{Id, SessionRecord, session_key};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

/// The most sessions on a page.
pub const PAGE_SESSIONS_MAX: usize = 1000;

/// The most fields whose order is kept in memory.
const ORDERS_MAX: usize = 4;

/// Which sessions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListQuery {
    /// A top-level field of the metadata: dates and numbers come first, then texts, then sessions without it. By default
    /// the id.
    pub order_by: Option<String>,
    /// From the largest down; sessions without the field still come last.
    #[serde(default)]
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
    pub damaged: Vec<(Id, Error)>,
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
            Err(error @ Error::Corrupt { .. }) => self.damaged.push((id_of(key)?, error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.damaged.len()
    }
}

type Order = Rc<Vec<(SortKey, Id)>>;

/// Orders kept in memory, by field, with the metadata generation that they hold for.
#[derive(Default)]
pub(super) struct Orders(RefCell<BTreeMap<String, (u64, Order)>>);

/// Where a page ended: what `next` holds, as JSON.
#[derive(Serialize, Deserialize)]
struct Position(SortKey, String);

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
        let after = match &query.after {
            Some(after) => Some(
                serde_json::from_str::<Position>(after)
                    .ok()
                    .and_then(|Position(key, id)| Some((key, Id::new(id).ok()?)))
                    .ok_or_else(|| Error::invalid("after", "it is the `next` of an earlier page"))?,
            ),
            None => None,
        };
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
        let rows = self.backend.scan(if query.reverse { scan.reverse() } else { scan }).await?;
        let mut page = SessionPage::new();
        for row in &rows {
            page.push(&row.key, &row.value)?;
        }
        if let Some(last) = rows.last()
            && rows.len() == query.limit
        {
            page.next = Some(position(SortKey::None, id_of(&last.key)?.as_str())?);
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
            let records = self.backend.get(StoreName::Sessions, &keys).await?;
            for (key, record) in keys.iter().zip(records) {
                if let Some(record) = record {
                    page.push(key, &record)?;
                }
            }
        }
        if let (Some((key, id)), Some(_)) = (last, entries.peek()) {
            page.next = Some(position(key.clone(), id.as_str())?);
        }
        Ok(page)
    }

    async fn order(&self, field: &str) -> Result<Order> {
        let generation = self.head().await?.metadata_generation;
        if let Some((kept, order)) = self.orders.0.borrow().get(field)
            && *kept == generation
        {
            return Ok(Rc::clone(order));
        }
        let mut order = Vec::new();
        let mut range = KeyRange::all();
        loop {
            let rows = self.backend.scan(Scan::new(StoreName::Sessions, range.clone(), PAGE_SESSIONS_MAX)).await?;
            for row in &rows {
                // A damaged session has a place in the listing too, so that it is reported there.
                let key = match SessionRecord::open(&row.key, &row.value) {
                    Ok(session) => sort_key(&session.json, field).unwrap_or(SortKey::None),
                    Err(Error::Corrupt { .. }) => SortKey::None,
                    Err(error) => return Err(error),
                };
                order.push((key, id_of(&row.key)?));
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE_SESSIONS_MAX => range = range.after(last.key.clone()),
                _ => break,
            }
        }
        order.sort();
        let order = Rc::new(order);
        let mut orders = self.orders.0.borrow_mut();
        orders.retain(|_, (kept, _)| *kept == generation);
        if orders.len() >= ORDERS_MAX {
            orders.pop_first();
        }
        orders.insert(field.to_owned(), (generation, Rc::clone(&order)));
        Ok(order)
    }
}

fn position(key: SortKey, id: &str) -> Result<String> {
    serde_json::to_string(&Position(key, id.to_owned()))
        .map_err(|error| Error::Backend { cause: format!("next: {error}") })
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
