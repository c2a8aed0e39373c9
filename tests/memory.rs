//! The conformance suite on the reference backend.

#![cfg(not(target_arch = "wasm32"))]

mod conformance;

use conformance::Databases;
use hoardb::backend::memory::Memory;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Databases by name; handles on one name share its maps.
#[derive(Default)]
struct Memories(RefCell<BTreeMap<String, Memory>>);

impl Databases for Memories {
    type Backend = Memory;

    async fn open(&self, name: &str) -> Memory {
        self.0.borrow_mut().entry(name.to_owned()).or_default().clone()
    }
}

macro_rules! native {
    ($($promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                pollster::block_on(conformance::$promise(&Memories::default()));
            }
        )*
    };
}

for_each_promise!(native);
