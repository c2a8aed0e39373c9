//! Completions: terms of the index that begin as the last word of a text does, those first that are in most sessions.
//!
//! What the dictionaries say of a term is how many entries have it, dead ones too, which is at least as many as there are sessions.
//! Candidates are looked at from the highest of these bounds down, some at a time, and counted exactly, until no other one can
//! be among the first.

use super::analysis::Analyser;
use super::bytes::Read;
use super::given::Given;
use super::layout::POSTINGS;
use super::plan::{EDITS_MAX, TermList};
use super::postings::{Block, Postings};
use super::query::Matching;
use super::request::{bounded, text_fields};
use super::schema::{Kind, Schema};
use super::search::Answer;
use super::segment::PartId;
use super::segments::{Damaged, Index, damaged};
use crate::error::{Error, Result};

/// The most completions.
pub const SUGGESTIONS_MAX: usize = 100;

/// How many candidates are counted at a time.
const BATCH: usize = 64;

/// A word has to be so long for each edit that is overlooked in it.
const CHARACTERS_PER_EDIT: usize = 3;

/// What is to be completed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suggest {
    /// What was typed so far; its last word is completed.
    pub text: String,
    /// The text fields whose terms are taken; none: every one.
    pub fields: Vec<String>,
    /// How many completions, at most [`SUGGESTIONS_MAX`].
    pub limit: usize,
    /// How many edits away from the beginning of a term the word may be, up to 2; one for each three characters of it. Such completions follow
    /// those that begin just so.
    pub edits: u8,
}

/// A completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The whole text, its last word completed.
    pub text: String,
    /// How many live sessions have the word in one of the fields.
    pub count: u64,
}

impl Suggest {
    /// Reads what a caller asks for: `{ text, fields, limit, fuzzy }`.
    ///
    /// # Errors
    /// As those of [`request`](super::request()).
    #[inline(never)]
    pub fn from_request(json: &str, schema: &Schema) -> Result<Self> {
        let mut suggest = Self { limit: 8, ..Self::default() };
        for (name, value) in Given::new("", json).fields()? {
            match &*name {
                "text" => suggest.text = bounded(&value)?,
                "fields" => suggest.fields = text_fields(schema, &value)?,
                "limit" => suggest.limit = value.whole(1..=SUGGESTIONS_MAX as u32)? as usize,
                "fuzzy" => suggest.edits = value.whole(0..=EDITS_MAX.into())? as u8,
                _ => return Err(value.unknown("option", &name, &["text", "fields", "limit", "fuzzy"])),
            }
        }
        Ok(suggest)
    }
}

/// A term that may complete the word.
struct Candidate {
    /// It only begins with something near the word.
    is_near: bool,
    /// At least as many as the sessions that have it.
    bound: u64,
    text: String,
    lists: Vec<TermList>,
}

impl Index {
    /// Completes the last word of a text. Nothing is waited for, as with [`Index::search`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a field that is no text field, [`Error::TooLarge`] above [`SUGGESTIONS_MAX`].
    #[inline(never)]
    pub fn suggest(&mut self, suggest: &Suggest) -> Result<Answer<Vec<Suggestion>>> {
        if suggest.limit > SUGGESTIONS_MAX {
            let (limit, got) = (SUGGESTIONS_MAX as u64, suggest.limit as u64);
            return Err(Error::TooLarge { what: "limit".into(), limit, got, unit: "suggestions" }.into());
        }
        let mut fields = Vec::new();
        for name in &suggest.fields {
            fields.push(self.field(name, Kind::is_text, "suggestions come from text fields")?);
        }
        if fields.is_empty() {
            let all = self.schema.fields().iter().enumerate();
            fields = all.filter(|(_, field)| field.kind.is_text()).map(|(number, _)| number).collect();
        }
        Ok(self.complete(suggest, &fields).unwrap_or_else(Answer::Damaged))
    }

    fn complete(&mut self, suggest: &Suggest, fields: &[usize]) -> Result<Answer<Vec<Suggestion>>, Damaged> {
        let Some((before, word)) = last_word(&suggest.text).filter(|_| suggest.limit > 0) else {
            return Ok(Answer::Found(Vec::new()));
        };
        let mut missing = Vec::new();
        self.attach(&mut missing)?;
        if !missing.is_empty() {
            return Ok(Answer::Needs(missing));
        }
        let mut candidates = self.candidates(&word, suggest.edits, fields, &mut missing)?;
        if !missing.is_empty() {
            return Ok(Answer::Needs(missing));
        }
        candidates.sort_unstable_by(|a, b| (a.is_near, b.bound, &a.text).cmp(&(b.is_near, a.bound, &b.text)));
        // Whether it is only near, how many sessions have it, and the term: sorted as it is told.
        let mut best: Vec<(bool, std::cmp::Reverse<u64>, &str)> = Vec::new();
        let mut seen = vec![0; self.sessions.len()];
        for (number, batch) in candidates.chunks(BATCH).enumerate() {
            if let (Some(first), Some(last)) = (batch.first(), best.get(suggest.limit - 1))
                && (first.is_near, std::cmp::Reverse(first.bound), "") > *last
            {
                break;
            }
            for candidate in batch {
                self.need_postings(&candidate.lists, &mut missing)?;
            }
            if !missing.is_empty() {
                return Ok(Answer::Needs(missing));
            }
            for (candidate, mark) in batch.iter().zip((number * BATCH + 1) as u32..) {
                let count = self.sessions_with(&candidate.lists, mark, &mut seen)?;
                if count > 0 {
                    best.push((candidate.is_near, std::cmp::Reverse(count), &candidate.text));
                }
            }
            best.sort_unstable();
            best.truncate(suggest.limit);
        }
        let completed = best.into_iter().map(|(_, count, term)| {
            // What was typed stays as it is, as far as it is the beginning.
            let text = match term.strip_prefix(&*word) {
                Some(rest) => [&suggest.text, rest].concat(),
                None => [before, term].concat(),
            };
            Suggestion { text, count: count.0 }
        });
        Ok(Answer::Found(completed.collect()))
    }

    fn candidates(
        &self,
        word: &str,
        edits: u8,
        fields: &[usize],
        missing: &mut Vec<PartId>,
    ) -> Result<Vec<Candidate>, Damaged> {
        let edits = (word.chars().count() / CHARACTERS_PER_EDIT).min(edits.into()) as u8;
        let mut any = vec![(word.to_owned(), Matching::Prefix)];
        if edits > 0 {
            any.push((word.to_owned(), Matching::PrefixOrFuzzy(edits)));
        }
        let mut found = self.look_up(&any, fields, missing)?;
        found.lists.sort_by_key(|list| list.term);
        let same = |a: &TermList, b: &TermList| a.term == b.term;
        let candidate = |lists: &[TermList]| {
            let term = lists.first().map_or(&[][..], |list| found.terms.get(list.term));
            let text = String::from_utf8_lossy(term).into_owned();
            let bound = lists.iter().map(|list| u64::from(list.postings)).sum();
            Candidate { is_near: !text.starts_with(word), bound, text, lists: lists.to_vec() }
        };
        Ok(found.lists.chunk_by(same).map(candidate).collect())
    }

    fn need_postings(&self, lists: &[TermList], missing: &mut Vec<PartId>) -> Result<(), Damaged> {
        for list in lists {
            let Some(attached) = self.segments.get(list.segment) else { continue };
            let needed = attached.segment.need(POSTINGS, &list.span, missing);
            needed.map_err(|damage| damaged(attached.segment.number, damage))?;
        }
        Ok(())
    }

    /// How many sessions have a live entry in any of these lists. `seen` holds by session the last mark that it was counted under.
    fn sessions_with(&self, lists: &[TermList], mark: u32, seen: &mut [u32]) -> Result<u64, Damaged> {
        let mut count = 0;
        for list in lists {
            let number = self.segments.get(list.segment).map_or(0, |attached| attached.segment.number);
            self.mark_sessions(list, mark, seen, &mut count).map_err(|damage| damaged(number, damage))?;
        }
        Ok(count)
    }

    fn mark_sessions(&self, list: &TermList, mark: u32, seen: &mut [u32], count: &mut u64) -> Read<()> {
        let number = self.schema.group_of(list.field);
        let Some(attached) = self.segments.get(list.segment) else { return Ok(()) };
        let Some(group) = attached.segment.core().and_then(|core| core.groups.get(number)) else { return Ok(()) };
        let bytes = attached.segment.postings(&list.span)?;
        let mut postings = Postings::new(&bytes, list.postings, group.length);
        let mut block = Block::default();
        while postings.next(&mut block)? {
            for &entry in block.entries().iter().filter(|&&entry| !attached.is_dead(number, entry)) {
                let session = seen.get_mut(attached.ordinal(group.session(entry)) as usize);
                if let Some(session) = session.filter(|session| **session != mark) {
                    *session = mark;
                    *count += 1;
                }
            }
        }
        Ok(())
    }
}

/// The last word of a text as a beginning of terms, folded but not stemmed, and what comes before it; none if nothing stands at the
/// end that is a word, or if something follows it.
fn last_word(text: &str) -> Option<(&str, String)> {
    // What is before a space changes nothing.
    let start = text.char_indices().rev().find(|(_, character)| character.is_whitespace());
    let start = start.map_or(0, |(at, character)| at + character.len_utf8());
    let typed = text.get(start..)?;
    let mut last = None;
    Analyser::PLAIN.analyse(typed, &mut |token| last = Some((token.bytes, token.term.to_owned())));
    let (bytes, word) = last.filter(|(bytes, _)| bytes.end == typed.len())?;
    Some((text.get(..start + bytes.start)?, word))
}
