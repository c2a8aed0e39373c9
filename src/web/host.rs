//! The browser as the engine's surroundings: its clock, its randomness and its SHA-256.

use super::output;
use crate::blob::{Hash, sha256};
use crate::event::Event;
use crate::host::Host;
use js_sys::{ArrayBuffer, Date, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// From this size on WebCrypto is faster than the portable code, though each call takes a turn of the event loop: measured
/// at 1 KiB 140 MB/s against 241, at 64 KiB 1,421 against 321.
const WEBCRYPTO_BYTES_MIN: usize = 8 << 10;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: i32) -> JsValue;

    /// `crypto`, which every browser has in every context.
    type Crypto;
    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Option<Crypto>;
    #[wasm_bindgen(method, catch, js_name = getRandomValues)]
    fn get_random_values(this: &Crypto, array: &Uint8Array) -> Result<(), JsValue>;

    /// `crypto.subtle`, which is missing where the context is not secure.
    type SubtleCrypto;
    #[wasm_bindgen(method, getter)]
    fn subtle(this: &Crypto) -> Option<SubtleCrypto>;
    /// Takes its copy of the bytes before it returns.
    #[wasm_bindgen(method, catch)]
    fn digest(this: &SubtleCrypto, algorithm: &str, bytes: &[u8]) -> Result<Promise, JsValue>;
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// Called with each event, if whoever opened the engine listens.
    listener: JsValue,
    /// Loads the module of the search index, where it is one of its own.
    load_index: JsValue,
}

impl Browser {
    /// A browser whose engine tells `listener` what happens. `load_index` returns a promise, which is kept when the module of the
    /// search index is there.
    pub fn new(listener: JsValue, load_index: JsValue) -> Self {
        Self { listener, load_index }
    }

    /// Waits.
    pub async fn pause(ms: i32) {
        let promise = Promise::new(&mut |resolve, _| {
            set_timeout(&resolve, ms);
        });
        // It never rejects.
        let _ = JsFuture::from(promise).await;
    }
}

impl Host for Browser {
    fn now_ms(&self) -> u64 {
        Date::now() as u64
    }

    fn random(&self) -> u128 {
        let array = Uint8Array::new_with_length(16);
        let drawn = CRYPTO.with(|crypto| crypto.as_ref().map(|crypto| crypto.get_random_values(&array)));
        if let Some(Ok(())) = drawn {
            let mut bytes = [0; 16];
            array.copy_to(&mut bytes);
            return u128::from_le_bytes(bytes);
        }
        // What it is for must be unique, not secret.
        let bits = || u128::from((js_sys::Math::random() * f64::from(u32::MAX)) as u32);
        (0..4).fold(0, |random, _| random << 32 | bits())
    }

    fn hears_peers(&self) -> bool {
        true
    }

    async fn load_index(&self) -> Result<(), String> {
        let Some(load) = self.load_index.dyn_ref::<Function>() else { return Ok(()) };
        let loaded = async { JsFuture::from(load.call0(&JsValue::UNDEFINED)?.dyn_into::<Promise>()?).await };
        loaded.await.map(drop).map_err(|problem| {
            let message = problem.dyn_ref::<js_sys::Error>().map(js_sys::Error::message);
            message.map_or_else(|| "it could not be loaded".to_owned(), String::from)
        })
    }

    async fn sleep(&self, ms: u64) {
        Self::pause(i32::try_from(ms).unwrap_or(i32::MAX)).await;
    }

    fn report(&self, event: Event) {
        if let Some(listener) = self.listener.dyn_ref::<Function>() {
            // What it throws is its own affair.
            let _ = listener.call1(&JsValue::UNDEFINED, &output::event(&event));
        }
    }

    async fn sha256(&self, bytes: &[u8]) -> Hash {
        if bytes.len() > WEBCRYPTO_BYTES_MIN
            && let Some(hash) = webcrypto(bytes).await
        {
            return hash;
        }
        sha256(bytes)
    }
}

/// SHA-256 by WebCrypto; `None` where there is none, or where it fails.
async fn webcrypto(bytes: &[u8]) -> Option<Hash> {
    let promise = CRYPTO.with(|crypto| crypto.as_ref()?.subtle()?.digest("SHA-256", bytes).ok())?;
    let digest: ArrayBuffer = JsFuture::from(promise).await.ok()?.dyn_into().ok()?;
    let bytes: [u8; 32] = Uint8Array::new(&digest).to_vec().try_into().ok()?;
    Some(Hash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn both_hash_functions_agree() {
        for length in [0, 1, WEBCRYPTO_BYTES_MIN, WEBCRYPTO_BYTES_MIN + 1, 1 << 20] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 31) as u8).collect();
            assert_eq!(Browser::default().sha256(&bytes).await, sha256(&bytes));
            assert_eq!(webcrypto(&bytes).await, Some(sha256(&bytes)), "localhost is a secure context");
        }
    }

    #[wasm_bindgen_test]
    fn random_numbers_differ_and_use_every_bit() {
        let numbers: Vec<u128> = (0..200).map(|_| Browser::default().random()).collect();
        assert_eq!(numbers.iter().fold(0, |all, number| all | number), u128::MAX);
        assert_eq!(numbers.iter().fold(u128::MAX, |all, number| all & number), 0);
    }
}
