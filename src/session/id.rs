//! Names that callers give: session ids and list names.

use crate::backend::Key;
use crate::error::{Error, Result};
use crate::map::Ordered;

/// Longest id or list name, in UTF-16 units (what JavaScript's `length` counts).
pub const UNITS_MAX: usize = 512;

fn check(argument: &'static str, text: &str) -> Result<()> {
    let problem = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.contains('\0') {
        "it holds a NUL".to_owned()
    } else {
        match text.encode_utf16().count() {
            0..=UNITS_MAX => return Ok(()),
            units => format!("it has {units} UTF-16 units"),
        }
    };
    Err(Error::InvalidId { argument, problem }.into())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $argument:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`Error::InvalidId`].
            pub fn new(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                check($argument, &text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Ordered for $name {
            fn bytes(&self) -> Key {
                Key::new().text(&self.0)
            }
        }
    };
}

name!(
    /// A session's id.
    Id,
    "session id"
);
name!(
    /// A list's name within its session.
    ListName,
    "list name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_1_to_512_utf16_units_without_nul() {
        for good in ["a", "é", "__proto__", &"a".repeat(512), &"😀".repeat(256)] {
            assert!(Id::new(good).is_ok());
        }
        for bad in ["", "a\0b", &"a".repeat(513), &"😀".repeat(257)] {
            assert_eq!(Id::new(bad).unwrap_err().code(), "InvalidId");
        }
    }
}
