//! Reading: one transaction, one burst of requests, one future.
//!
//! A record that the browser cannot read fails the whole burst, and an answer that is too large for it fails as a whole. So
//! what failed is read again with [`Values::Each`]: by keys, then each value by a request of its own, whose error is not
//! the transaction's. A record that cannot be read even so reads as one without bytes: no envelope is empty, so the engine
//! reports that record, by its key, like any damaged one, and all others are as good as before.

use super::events;
use super::exception::{Meaning, Phase};
use super::sys::{self, ObjectStore};
use crate::backend::{Direction, Key, Row, Scan, StoreName};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbCursor, IdbKeyRange, IdbRequest, IdbTransaction};

/// How values are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// In one burst, which fails as a whole.
    Together,
    /// One by one, when that has failed.
    Each,
}

/// See [`crate::backend::Backend::get`].
pub async fn get(
    transaction: IdbTransaction,
    store: StoreName,
    keys: &[Key],
    values: Values,
) -> Result<Vec<Option<Vec<u8>>>, JsValue> {
    let store = sys::store(&transaction, store.as_str())?;
    let mut requests = Vec::with_capacity(keys.len());
    for key in keys {
        requests.push(store.get(&sys::key(key)?)?);
    }
    let found = match values {
        Values::Together => together(&transaction, &requests).await?,
        Values::Each => each(&transaction, &requests).await?,
    };
    let mut values = Vec::with_capacity(requests.len());
    for value in found {
        values.push(record(&value));
    }
    Ok(values)
}

/// The values of requests, or why they failed.
async fn together(transaction: &IdbTransaction, requests: &[IdbRequest]) -> Result<Array, JsValue> {
    sys::finish(transaction);
    let values = Array::new();
    if let Some(last) = requests.last() {
        events::done(last).await?;
    }
    for request in requests {
        values.push(&request.result()?);
    }
    Ok(values)
}

/// The values of requests, each on its own; `null`, which is nothing that anyone stored, where one cannot be read.
async fn each(transaction: &IdbTransaction, requests: &[IdbRequest]) -> Result<Array, JsValue> {
    let mut ends = Vec::with_capacity(requests.len());
    for request in requests {
        ends.push(events::first(request, &["success"], &["error"]));
    }
    let values = Array::new();
    let mut failed = Vec::new();
    for (request, end) in requests.iter().zip(ends) {
        match events::done_alone(request, end).await {
            Ok(()) => values.push(&request.result()?),
            Err(thrown) => {
                failed.push(thrown);
                values.push(&JsValue::NULL)
            }
        };
    }
    // Not before: Chromium aborts a transaction that has said so and in which a request fails after all.
    sys::finish(transaction);
    let others = failed.len() < requests.len();
    for thrown in failed {
        match sys::exception(&thrown).meaning(Phase::Read) {
            Meaning::Unreadable => {}
            // Firefox has the same words for a record that it cannot decompress and for a disk that does not answer. It is
            // the record if others can be read.
            Meaning::Other if others => {}
            _ => return Err(thrown),
        }
    }
    Ok(values)
}

/// The value of a `get`, which is `undefined` where there is no record.
pub fn record(value: &JsValue) -> Option<Vec<u8>> {
    (!value.is_undefined()).then(|| sys::read(value))
}

/// See [`crate::backend::Backend::scan`].
///
/// Forward: `getAllKeys` and `getAll` of the same range in one burst. Reverse: `getAllRecords` where the engine has it. Where
/// it has not, a key cursor finds the page's two ends in two steps, however many records lie between and before them, and
/// the page is then read forward and turned round. (All keys of the range with gets for the last ones would do without
/// a cursor, at a cost that grows with the store.)
pub async fn scan(transaction: IdbTransaction, scan: &Scan, values: Values) -> Result<Vec<Row>, JsValue> {
    let Some(range) = sys::range(&scan.range)? else { return Ok(Vec::new()) };
    let limit = u32::try_from(scan.limit).unwrap_or(u32::MAX);
    let store = sys::store(&transaction, scan.store.as_str())?;
    let together = values == Values::Together;
    let records = together && !scan.keys_only && !store.get_all_records_if_any().is_undefined();
    let page = match scan.direction {
        Direction::Forward => range,
        Direction::Reverse if records => return self::records(&transaction, &store, &range, limit).await,
        Direction::Reverse => match last_page(&store, &range, limit).await? {
            Some(page) => page,
            None => return Ok(Vec::new()),
        },
    };
    let mut rows = if together || scan.keys_only {
        forward(&transaction, &store, &page, limit, scan.keys_only).await?
    } else {
        forward_each(&transaction, &store, &page, limit).await?
    };
    if scan.direction == Direction::Reverse {
        rows.reverse();
    }
    Ok(rows)
}

async fn forward(
    transaction: &IdbTransaction,
    store: &ObjectStore,
    range: &IdbKeyRange,
    limit: u32,
    keys_only: bool,
) -> Result<Vec<Row>, JsValue> {
    let keys = store.get_all_keys(range, limit)?;
    let values = if keys_only { None } else { Some(store.get_all(range, limit)?) };
    sys::finish(transaction);
    events::done(values.as_ref().unwrap_or(&keys)).await?;
    let keys = array(&keys)?;
    // Where there are none, each is `undefined`.
    let values = values.as_ref().map_or_else(|| Ok(Array::new()), array)?;
    Ok(rows(keys.length(), &|n| (keys.get(n), values.get(n))))
}

async fn forward_each(
    transaction: &IdbTransaction,
    store: &ObjectStore,
    range: &IdbKeyRange,
    limit: u32,
) -> Result<Vec<Row>, JsValue> {
    let keys = store.get_all_keys(range, limit)?;
    events::done(&keys).await?;
    let keys = array(&keys)?;
    let mut requests = Vec::with_capacity(keys.length() as usize);
    for key in keys.iter() {
        requests.push(store.get(&Uint8Array::new(&key))?);
    }
    let values = each(transaction, &requests).await?;
    Ok(rows(keys.length(), &|n| (keys.get(n), values.get(n))))
}

async fn records(
    transaction: &IdbTransaction,
    store: &ObjectStore,
    range: &IdbKeyRange,
    limit: u32,
) -> Result<Vec<Row>, JsValue> {
    let request = store.get_all_records(&sys::get_all_options(range, limit, Direction::Reverse))?;
    sys::finish(transaction);
    events::done(&request).await?;
    let records = array(&request)?;
    Ok(rows(records.length(), &|n| {
        let record: sys::Record = records.get(n).unchecked_into();
        (record.key(), record.value())
    }))
}

fn rows(count: u32, row: &dyn Fn(u32) -> (JsValue, JsValue)) -> Vec<Row> {
    let mut rows = Vec::with_capacity(count as usize);
    for n in 0..count {
        let (key, value) = row(n);
        rows.push(Row { key: sys::read_key(&key), value: sys::read(&value) });
    }
    rows
}

/// The part of the range that holds its last `limit` records; `None` when it holds none.
async fn last_page(store: &ObjectStore, range: &IdbKeyRange, limit: u32) -> Result<Option<IdbKeyRange>, JsValue> {
    let request = store.open_key_cursor(range, "prev")?;
    let Some(cursor) = position(&request).await? else { return Ok(None) };
    let last = cursor.key()?;
    let first = if limit > 1 {
        cursor.advance(limit - 1)?;
        position(&request).await?.map(|cursor| cursor.key()).transpose()?
    } else {
        Some(last.clone())
    };
    let page = match first {
        Some(first) => IdbKeyRange::bound(&first, &last),
        None => return Ok(Some(range.clone())),
    };
    page.map(Some)
}

/// Where a cursor stands now; `None` past the end.
async fn position(request: &IdbRequest) -> Result<Option<IdbCursor>, JsValue> {
    events::done(request).await?;
    let cursor = request.result()?;
    Ok((!cursor.is_null()).then(|| cursor.unchecked_into()))
}

fn array(request: &IdbRequest) -> Result<Array, JsValue> {
    request.result().map(JsCast::unchecked_into)
}
