//! The conformance suite on IndexedDB, in a dedicated worker, which is where the engine runs.

#![cfg(target_arch = "wasm32")]

mod conformance;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

for_each_promise!(browser_tests);
