//! The places in a JSON text where attachments stand: `{"$attachment":n}`, entry n of a table beside the text.
//!
//! They are found by their bytes, without parsing. That is exact: inside a JSON string a quote is escaped, so the bytes
//! `{"$attachment":` can only be an object whose first key is `$attachment`, and keys of the caller's own that start with
//! `$` get another `$` in front before they come here.

use crate::error::{Error, Result};

const OPEN: &[u8] = b"{\"$attachment\":";

/// Calls `renumber` with the number at each place, in order, and returns the text with the numbers it answered.
///
/// # Errors
/// [`Error::InvalidArgument`] where no number of at most nine digits and a closing brace follow; any error of `renumber`.
pub fn rewrite(json: &[u8], renumber: &mut dyn FnMut(usize) -> Result<usize>) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len() + 8);
    let mut rest = json;
    while let Some(at) = find(rest) {
        let (before, from) = rest.split_at(at + OPEN.len());
        let digits = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = from.split_at(digits);
        let number = std::str::from_utf8(number).ok().filter(|_| digits <= 9).and_then(|digits| digits.parse().ok());
        let (Some(number), Some(b'}')) = (number, after.first()) else {
            return Err(Error::invalid("json", "a $attachment is a number, entry of the table beside the text"));
        };
        out.extend_from_slice(before);
        out.extend_from_slice(renumber(number)?.to_string().as_bytes());
        rest = after;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Whether the text has any.
pub fn any(json: &[u8]) -> bool {
    find(json).is_some()
}

/// Where the first place starts. Its `$` is what a text has few of.
fn find(json: &[u8]) -> Option<usize> {
    let mut starts = memchr::memchr_iter(b'$', json).filter_map(|dollar| dollar.checked_sub(2));
    starts.find(|&start| json.get(start..).is_some_and(|text| text.starts_with(OPEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rewritten_and_nothing_else() {
        let json = br#"{"a":{"$attachment":0},"b":[{"$attachment":12}],"c":"{\"$attachment\":3}","$$attachment":4}"#;
        let mut seen = Vec::new();
        let out = rewrite(json, &mut |n| {
            seen.push(n);
            Ok(n + 90)
        })
        .unwrap();
        assert_eq!(seen, [0, 12]);
        let expected =
            br#"{"a":{"$attachment":90},"b":[{"$attachment":102}],"c":"{\"$attachment\":3}","$$attachment":4}"#;
        assert_eq!(out, expected);
        assert!(any(json));
        assert!(!any(br#"{"$attachments":1}"#));
    }

    #[test]
    fn malformed_places_are_refused() {
        for json in
            [r#"{"$attachment":}"#, r#"{"$attachment":1"#, r#"{"$attachment":-1}"#, r#"{"$attachment":1234567890}"#]
        {
            assert_eq!(rewrite(json.as_bytes(), &mut Ok).unwrap_err().code(), "InvalidArgument", "{json}");
        }
    }
}
