//! Waiting for events and for time, as a promise whose own functions are the listeners: no closure of Rust's is made, kept
//! and freed.

use super::sys;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{EventTarget, IdbRequest};

/// The first of these events: `Ok` if it is one of the `good` ones, `Err` if it is one of the `bad` ones.
///
/// It listens from now on, be it polled or not. The answer comes in the microtask of the event, where a transaction still
/// accepts requests.
pub fn first(target: &EventTarget, good: &[&str], bad: &[&str]) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        for (events, listener) in [(good, resolve), (bad, reject)] {
            for event in events {
                // Fails for no object that has events.
                let _ = target.add_event_listener_with_callback(event, &listener);
            }
        }
    }))
}

/// Waits for a request, and so for every request made before it in its transaction: they succeed in order, and when one
/// fails it takes the transaction and all later ones with it. The error is the one that ended the transaction.
pub async fn done(last: &IdbRequest) -> Result<(), JsValue> {
    match first(last, &["success"], &["error"]).await {
        Ok(_) => Ok(()),
        Err(_) => Err(cause(last)),
    }
}

/// Waits for a request alone: if it fails, the others of its transaction go on. `end` is its `success` or `error`.
///
/// The listener's microtask still belongs to the event, so what it prevents has not happened yet.
pub async fn done_alone(request: &IdbRequest, end: JsFuture) -> Result<(), JsValue> {
    match end.await {
        Ok(_) => Ok(()),
        Err(event) => {
            event.unchecked_ref::<sys::Failure>().prevent_default();
            Err(cause(request))
        }
    }
}

/// Why a request failed: the error that ended its transaction, or else its own.
pub fn cause(request: &IdbRequest) -> JsValue {
    let cause = request.transaction().and_then(|transaction| transaction.error());
    let own = || request.error().ok().flatten();
    cause.or_else(own).map_or(JsValue::UNDEFINED, JsValue::from)
}

/// Waits for so many milliseconds.
pub async fn sleep(milliseconds: i32) {
    struct Timer(JsValue);
    impl Drop for Timer {
        fn drop(&mut self) {
            sys::clear_timeout(&self.0);
        }
    }
    let mut timer = Timer(JsValue::UNDEFINED);
    let promise = Promise::new(&mut |resolve, _| timer.0 = sys::set_timeout(&resolve, milliseconds));
    // It never rejects.
    let _ = JsFuture::from(promise).await;
}
