//! As much JSON as the engine needs: which fields an object has, and what a text or a number says.
//!
//! Texts come from `JSON.stringify` and go to `JSON.parse`; in between they are bytes. What is here checks a text by RFC 8259
//! and finds its top-level fields. It is a tenth of the wasm that a parser into values takes.

use std::borrow::Cow;

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// The name as it is written, with its quotes.
    pub(super) quoted: &'a str,
    /// The text of its value.
    pub(super) value: &'a str,
}

/// The fields of an object in their order, or where the text stops being one.
pub(super) fn fields(json: &[u8]) -> Result<Vec<Field<'_>>, usize> {
    let json = std::str::from_utf8(json).map_err(|error| error.valid_up_to())?;
    let mut fields = Vec::new();
    members(json, b'{', &mut |quoted, value| {
        fields.push(Field { name: unquote(quoted)?, quoted, value });
        Some(())
    })?;
    Ok(fields)
}

/// Hands over the fields of an object (`{`: the name with its quotes, the text of the value) or the elements of an array (`[`:
/// without names), until the text stops being one or nothing more is wanted. Returns where that was.
pub(crate) fn members<'a>(
    json: &'a str,
    open: u8,
    each: &mut dyn FnMut(&'a str, &'a str) -> Option<()>,
) -> Result<(), usize> {
    let mut text = Text { json, at: 0 };
    // Both closing brackets are two behind their opening ones in ASCII.
    let close = open + 2;
    text.need(open)?;
    if !text.take(close) {
        loop {
            let name = if open == b'{' { text.name()? } else { "" };
            let value = text.value()?;
            each(name, value).ok_or(text.at)?;
            if text.take(close) {
                break;
            }
            text.need(b',')?;
        }
    }
    text.space();
    if text.at == json.len() { Ok(()) } else { Err(text.at) }
}

/// What a JSON string says; `None` if it has a lone surrogate. The string was checked.
pub(super) fn unquote(quoted: &str) -> Option<Cow<'_, str>> {
    unescape(quoted).filter(|(_, whole)| *whole).map(|(text, _)| text)
}

/// What a JSON string says, with U+FFFD for a lone surrogate, which takes one UTF-16 unit as well. The string was checked.
pub(crate) fn text(quoted: &str) -> Cow<'_, str> {
    unescape(quoted).map_or(Cow::Borrowed(""), |(text, _)| text)
}

/// What a JSON string says, and whether it has no lone surrogate.
fn unescape(quoted: &str) -> Option<(Cow<'_, str>, bool)> {
    let mut rest = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let mut out = String::new();
    let mut whole = true;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        if out.is_empty() {
            // What an escape stands for is shorter than the escape.
            out.reserve(rest.len());
        }
        out.push_str(rest.get(..at)?);
        let (unit, behind) = escaped(rest.get(at..)?)?;
        rest = behind;
        if let Some(character) = char::from_u32(unit.into()) {
            out.push(character);
            continue;
        }
        let mut units = [unit, 0];
        let mut length = 1;
        if (0xD800..0xDC00).contains(&unit)
            && let Some((low @ 0xDC00..0xE000, behind)) = escaped(rest)
        {
            (units, length, rest) = ([unit, low], 2, behind);
        }
        for character in char::decode_utf16(units.into_iter().take(length)) {
            whole &= character.is_ok();
            out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    if out.is_empty() {
        return Some((Cow::Borrowed(rest), whole));
    }
    out.push_str(rest);
    Some((Cow::Owned(out), whole))
}

/// The unit that an escape stands for, if one comes next, and what follows.
fn escaped(text: &str) -> Option<(u16, &str)> {
    let escape = text.strip_prefix('\\')?;
    let behind = escape.get(1..)?;
    Some(match *escape.as_bytes().first()? {
        b'b' => (8, behind),
        b't' => (9, behind),
        b'n' => (10, behind),
        b'f' => (12, behind),
        b'r' => (13, behind),
        b'u' => {
            let (digits, behind) = behind.split_at_checked(4)?;
            (u16::from_str_radix(digits, 16).ok()?, behind)
        }
        other => (other.into(), behind),
    })
}

/// The value of a number; `None` if it is too large. The number was checked.
///
/// Exact where its digits are below 2^53 and its exponent is within 22, otherwise off by a rounding or two.
pub(crate) fn number(text: &str) -> Option<f64> {
    let (mut digits, mut exponent, mut step) = (0_u64, 0_i32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' if digits <= (u64::MAX - 9) / 10 => {
                digits = digits * 10 + u64::from(byte - b'0');
                exponent += step;
            }
            // What no longer fits moves the point.
            b'0'..=b'9' => exponent += 1 + step,
            b'.' => step = -1,
            b'e' | b'E' => {
                let written = text.get(at + 1..)?;
                let limit = if written.starts_with('-') { i32::MIN / 2 } else { i32::MAX / 2 };
                exponent = exponent.saturating_add(written.parse().unwrap_or(limit));
                break;
            }
            _ => {}
        }
    }
    let mut value = digits as f64;
    while value != 0.0 && value.is_finite() && exponent != 0 {
        // 10^22 is the largest power of ten that is exact.
        let part = exponent.clamp(-22, 22);
        value = if part < 0 { value / 10_f64.powi(-part) } else { value * 10_f64.powi(part) };
        exponent -= part;
    }
    value.is_finite().then_some(if text.starts_with('-') { -value } else { value })
}

/// Whether eight bytes of a string stand for themselves: none is a quote, a backslash or below a space.
#[inline(always)]
fn is_plain(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    let word = u64::from_le_bytes(bytes);
    // The high bit of each byte that is below a bound of at most 128; that of one above it may be set where a lower byte borrowed, so none
    // is missed, and the slow way looks at what is found.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quote | backslash | below(word, 0x20)) & (ONES << 7) == 0
}

/// A text and how far it was read. The error of every function is the place where the text is not as it should be.
struct Text<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn skip(&mut self, bytes: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&bytes) {
            self.at += 1;
        }
    }

    fn space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Takes a byte, behind any space, if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let comes = self.peek() == Some(byte);
        self.at += usize::from(comes);
        comes
    }

    fn need(&mut self, byte: u8) -> Result<(), usize> {
        if self.take(byte) { Ok(()) } else { Err(self.at) }
    }

    fn since(&self, start: usize) -> &'a str {
        self.json.get(start..self.at).unwrap_or_default()
    }

    /// A field's name and the colon behind it.
    fn name(&mut self) -> Result<&'a str, usize> {
        self.space();
        let start = self.at;
        self.string()?;
        let name = self.since(start);
        self.need(b':')?;
        Ok(name)
    }

    /// A value of any kind. The brackets that are open are kept in a list: recursion would let a text overflow the stack.
    fn value(&mut self) -> Result<&'a str, usize> {
        self.space();
        let start = self.at;
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    if !self.take(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                Some(b'{') => {
                    self.at += 1;
                    if !self.take(b'}') {
                        open.push(b'}');
                        self.name()?;
                        continue;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => self.digits()?,
            }
            // A value has ended here, and with it every bracket that closes now.
            loop {
                let Some(&close) = open.last() else { return Ok(self.since(start)) };
                if !self.take(close) {
                    self.need(b',')?;
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), usize> {
        let comes = self.json.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if comes { word.len() } else { 0 };
        if comes { Ok(()) } else { Err(self.at) }
    }

    fn string(&mut self) -> Result<(), usize> {
        self.need(b'"')?;
        loop {
            while self
                .json
                .as_bytes()
                .get(self.at..)
                .and_then(<[u8]>::first_chunk)
                .is_some_and(|bytes| is_plain(*bytes))
            {
                self.at += 8;
            }
            self.skip(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
            self.at += 1;
            match self.json.as_bytes().get(self.at - 1) {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                _ => return Err(self.at - 1),
            }
        }
    }

    fn escape(&mut self) -> Result<(), usize> {
        let hexadecimal = match self.peek() {
            Some(b'u') => 4,
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            _ => return Err(self.at),
        };
        for _ in 0..hexadecimal {
            self.at += 1;
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err(self.at);
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A number.
    fn digits(&mut self) -> Result<(), usize> {
        let run = |text: &mut Self| {
            let start = text.at;
            text.skip(|byte| byte.is_ascii_digit());
            if text.at > start { Ok(()) } else { Err(start) }
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            run(self)?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            run(self)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            run(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_plain_if_each_is() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for others in [b'a', b' ', b'#', b']', 0x80, 0xFF] {
                    let mut bytes = [others; 8];
                    bytes[at] = byte;
                    assert_eq!(is_plain(bytes), byte >= b' ' && byte != b'"' && byte != b'\\', "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn an_object_is_its_fields() {
        let json = " {\"a\" : [1, {\"b\":[]}, \"]\\\"\"] ,\"\\u0062\\n\": -1.5e+3,\"\":{ } }\n";
        let found = fields(json.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|field| (&*field.name, field.quoted, field.value)).collect();
        assert_eq!(
            found,
            [("a", "\"a\"", "[1, {\"b\":[]}, \"]\\\"\"]"), ("b\n", "\"\\u0062\\n\"", "-1.5e+3"), ("", "\"\"", "{ }")]
        );
        assert_eq!(fields(b"{}"), Ok(vec![]));
    }

    #[test]
    fn just_what_the_grammar_allows_is_a_value() {
        for good in [
            "0",
            "-0",
            "10.0",
            "1e5",
            "1E-05",
            "true",
            "false",
            "null",
            "[]",
            "[[],[{}]]",
            r#""\u12aF\"\\\/\b\f\n\r\t""#,
            "\"é\u{7f}\"",
            r#""\ud800""#,
            " [ 1 , 2 ] ",
            r#"{"a":{"a":1},"a":2}"#,
        ] {
            let json = format!("{{\"v\":{good}}}");
            assert_eq!(fields(json.as_bytes()).unwrap()[0].value, good.trim(), "{good}");
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "0x1",
            "tru",
            "True",
            "nul",
            "NaN",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,]",
            "]",
            "{",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1",
            "[}",
            "{]",
            "[1 2]",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"\n\"",
            "'a'",
            "1 2",
            "//",
            "\"\\u00é\"",
        ] {
            let json = format!("{{\"v\":{bad}}}");
            assert!(fields(json.as_bytes()).is_err(), "{bad}");
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_err(), "{bad}");
        }
        for bad in ["", "null", "[]", "{\"a\":1}}", "{\"a\":1} 1", "{\"\\ud800\":1}", "{,}", "\u{feff}{}"] {
            assert!(fields(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(fields(b"{\"a\":\"\xff\"}"), Err(6));
    }

    #[test]
    fn strings_say_what_serde_reads() {
        for quoted in [r#""""#, r#""a\u00e9\ud83d\ude00\n\/\\\" é😀""#, r#""\u0000""#] {
            let expected: String = serde_json::from_str(quoted).unwrap();
            assert_eq!(unquote(quoted).unwrap(), expected);
        }
        assert_eq!(unquote(r#""\ud800x""#), None);
        assert_eq!(unquote(r#""\ude00\ud83d""#), None);
        assert_eq!(text(r#""a\ud800\u0062\ude00\n""#), "a\u{FFFD}b\u{FFFD}\n");
        assert_eq!(text(r#""\ud83d\ud83d\ude00x""#), "\u{FFFD}😀x");
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for text in [
            "0",
            "-1",
            "2.5",
            "1700000000000",
            "9007199254740991",
            "0.1",
            "1e21",
            "1.5e-7",
            "123456.789",
            "-0.001",
            "1e22",
            "4503599627370497.5",
            "0e99999999999",
            "100000000000000000000000e-23",
        ] {
            assert_eq!(number(text), Some(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.30000000000000004",
            "1.5976931348623157e308",
            "2.2250738585072014e-308",
            "123456789012345678901234567890",
        ] {
            let (read, exact) = (number(text).unwrap(), text.parse::<f64>().unwrap());
            assert!((read - exact).abs() <= exact.abs() * 1e-14, "{text}: {read}");
        }
        assert_eq!(number("1e-999999999999"), Some(0.0));
        assert_eq!(number("1e999"), None);
        assert_eq!(number("1e99999999999"), None);
    }
}
