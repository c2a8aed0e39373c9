//! The conformance suite on IndexedDB, in a window.

#![cfg(target_arch = "wasm32")]

mod conformance;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

for_each_promise!(browser_tests);
