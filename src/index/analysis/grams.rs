//! Pairs of characters, for scripts that are written without spaces between words.
//!
//! A run of n characters gives n tokens: the pairs, as Lucene's CJKBigramFilter makes them, and the last character alone. So at each
//! character a token begins, and a query for a single character finds all of them by their beginning.

use super::words::Span;
use super::{Shape, TERM_BYTES_MAX, Token};

/// The character whose pair is not known yet.
#[derive(Debug, Default)]
pub(super) struct Grams {
    term: String,
    position: u32,
    span: Option<Span>,
}

impl Grams {
    /// The next character of the run, folded.
    pub fn add(&mut self, term: &str, position: u32, span: Span, token: &mut dyn FnMut(Token<'_>)) {
        let term = start(term, TERM_BYTES_MAX / 2);
        if let Some(first) = &self.span {
            let half = self.term.len();
            self.term.push_str(term);
            token(Token {
                term: &self.term,
                position: self.position,
                bytes: first.bytes.start..span.bytes.end,
                units: first.units.start..span.units.end,
                shape: Shape::Pair,
            });
            self.term.drain(..half);
        } else {
            self.term.push_str(term);
        }
        self.position = position;
        self.span = Some(span);
    }

    /// There is no next character.
    pub fn end(&mut self, token: &mut dyn FnMut(Token<'_>)) {
        if let Some(Span { bytes, units, .. }) = self.span.take() {
            token(Token { term: &self.term, position: self.position, bytes, units, shape: Shape::Last });
            self.term.clear();
        }
    }
}

/// The text's beginning, of at most this many bytes.
fn start(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
