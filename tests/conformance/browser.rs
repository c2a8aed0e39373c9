//! IndexedDB databases for the suite, and the tests made of it for a browser. Where they run (a window, a worker) is
//! configured by the file that includes this one.

use super::Databases;
use hoardb::web::IndexedDb;

/// The databases of one test: their names are prefixed, so that no run finds what another one left.
pub struct Browser(String);

impl Browser {
    /// The databases of the test of that name.
    pub fn of(test: &str) -> Self {
        Self(format!("{test} {}", js_sys::Math::random()))
    }
}

impl Databases for Browser {
    type Backend = IndexedDb;

    async fn open(&self, name: &str) -> IndexedDb {
        IndexedDb::open(&format!("{} {name}", self.0)).await.expect("the database opens")
    }
}

/// Makes a browser test of each name.
#[macro_export]
macro_rules! browser_tests {
    ($($promise:ident)*) => {
        $(
            #[wasm_bindgen_test::wasm_bindgen_test]
            async fn $promise() {
                $crate::conformance::$promise(&$crate::conformance::browser::Browser::of(stringify!($promise))).await;
            }
        )*
    };
}
