//! A full disk, as Firefox meets it: `webdriver.json` gives the origin 64 MiB. The other engines have no such setting, and
//! there the test has nothing to say.
//!
//! Firefox is also the engine that needs it. It commits a transaction in which a request failed, or a part of an aborted one,
//! unless requests are sent as `src/web/indexed_db/burst.rs` does. Sent in one burst, every shape below is torn.

#![cfg(target_arch = "wasm32")]

use hoardb::Error;
use hoardb::backend::{Backend, Batch, Key, KeyRange, Op, Outcome, Scan, StoreName};
use hoardb::web::IndexedDb;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const STORE: StoreName = StoreName::Parts;

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let array = js_sys::Uint8Array::new_with_length(65_536);
    let crypto = js_sys::Reflect::get(&js_sys::global(), &"crypto".into()).expect("crypto");
    let fill: js_sys::Function = js_sys::Reflect::get(&crypto, &"getRandomValues".into()).expect("a method").into();
    for chunk in bytes.chunks_mut(65_536) {
        fill.call1(&crypto, &array).expect("random bytes");
        array.slice(0, chunk.len() as u32).copy_to(chunk);
    }
    bytes
}

fn key(part: &str, number: usize) -> Key {
    Key::new().text(part).number(number as u64)
}

fn put(part: &str, number: usize, length: usize) -> Op {
    Op::Put(STORE, key(part, number), noise(length))
}

fn batch(ops: Vec<Op>) -> Batch {
    Batch { ops, ..Batch::default() }
}

async fn count(backend: &IndexedDb, part: &str) -> usize {
    let scan = Scan::keys(STORE, KeyRange::prefix(Key::new().text(part)), 10_000);
    backend.scan(scan).await.expect("reads work on a full disk").len()
}

fn in_firefox() -> bool {
    let agent = js_sys::eval("navigator.userAgent").expect("an expression").as_string();
    agent.is_some_and(|agent| agent.contains("Firefox"))
}

#[wasm_bindgen_test]
async fn on_a_full_disk_a_batch_is_stored_whole_or_not_at_all() {
    if !in_firefox() {
        return;
    }
    let backend = IndexedDb::open(&format!("full {}", js_sys::Math::random())).await.expect("the database opens");
    let mut filled = 0;
    for length in [1 << 20, 64 << 10, 4 << 10] {
        loop {
            match backend.commit(batch(vec![put("fill", filled, length)])).await {
                Ok(outcome) => assert_eq!(outcome, Outcome::Committed),
                Err(error) => {
                    assert!(matches!(*error, Error::StorageFull { .. }), "{error}");
                    break;
                }
            }
            filled += 1;
            assert!(filled < 1000, "the quota is not what webdriver.json says");
        }
    }
    let many = |length| (0..8 << 20 >> 10).step_by(length >> 10).enumerate().map(move |(n, _)| put("new", n, length));
    let shapes: [Vec<Op>; 6] = [
        many(16 << 10).collect(),
        many(64 << 10).collect(),
        many(4 << 10).collect(),
        vec![put("new", 0, 100), put("new", 1, 1200 << 10), put("new", 2, 100)],
        (0..9).map(|n| put("new", n, if n % 4 == 1 { 1200 << 10 } else { 100 })).collect(),
        // What was acknowledged must not be deleted by a batch that fails.
        many(64 << 10).chain([Op::DeleteRange(STORE, KeyRange::prefix(Key::new().text("fill")))]).collect(),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let outcome = backend.commit(batch(shape)).await;
        assert!(
            matches!(&outcome, Err(error) if matches!(**error, Error::StorageFull { .. })),
            "shape {number}: {outcome:?}"
        );
        assert_eq!(count(&backend, "new").await, 0, "shape {number}");
        assert_eq!(count(&backend, "fill").await, filled, "shape {number}");
    }
    // Space is made at the first attempt, together with a put, as the engine does it.
    let some = KeyRange { lower: std::ops::Bound::Included(key("fill", 5)), upper: std::ops::Bound::Unbounded };
    let outcome = backend.commit(batch(vec![Op::DeleteRange(STORE, some), put("head", 0, 100)])).await;
    assert_eq!(outcome, Ok(Outcome::Committed));
    assert_eq!(backend.commit(batch(vec![put("new", 0, 64 << 10)])).await, Ok(Outcome::Committed));
}
