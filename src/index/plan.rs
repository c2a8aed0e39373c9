//! A query against an index: fields by number, words as posting lists. Everything is checked and bounded here, and the parts that
//! are not loaded are found.

use super::analysis::Part;
use super::bytes::Read;
use super::entry::{KEYWORD_BYTES_MAX, TERM_BYTES_MAX, cut};
use super::intern::Interner;
use super::layout::{POSITIONS, POSTINGS};
use super::postings::Span;
use super::query::{Matching, Query, Word as Asked};
use super::schema::{Analyse, Analyser, Kind, Schema};
use super::segment::PartId;
use super::segments::{Damaged, Index, damaged};
use super::sort::{by_number, by_text};
use crate::error::{Error, Result};

/// The most conditions of a query.
pub const CONDITIONS_MAX: usize = 1024;

/// The most words of a query.
pub const WORDS_MAX: usize = 256;

/// The most terms that all words together are looked for by: of phrases, and of scripts without spaces.
pub const PARTS_MAX: usize = 2048;

/// How deep conditions may be nested.
pub const NESTING_MAX: usize = 64;

/// The most terms that a prefix or fuzzy word stands for: those with the highest weight, then the first in order.
pub const EXPANSION_TERMS_MAX: usize = 1024;

/// The greatest distance of a fuzzy word, in edits.
pub const EDITS_MAX: u8 = 2;

/// A condition.
#[derive(Debug)]
pub(super) enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// These words of the plan.
    Text {
        words: std::ops::Range<usize>,
        all: bool,
    },
    Keyword {
        field: usize,
        values: Vec<String>,
        all: bool,
    },
    Range {
        field: usize,
        from: f64,
        to: f64,
    },
    Exists(usize),
}

/// Postings of a term in a field and a segment.
#[derive(Debug, Clone)]
pub(super) struct TermList {
    /// The term's place among those of its word.
    pub(super) term: u32,
    pub(super) weight: f32,
    pub(super) field: usize,
    /// The segment's place in the index.
    pub(super) segment: usize,
    pub(super) postings: u32,
    pub(super) span: Span,
    pub(super) positions: Span,
}

/// Terms that stand one after the other in a field.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) field: usize,
    pub(super) slots: Vec<Slot>,
}

/// A place of a phrase.
#[derive(Debug)]
pub(super) struct Slot {
    /// How far behind the first.
    pub(super) offset: u32,
    /// Of the terms that may stand there.
    pub(super) lists: Vec<TermList>,
}

/// What a word is to what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything found has it, and it adds to the score.
    Required,
    /// What is found may lack it: it is one of several alternatives. Where it stands it adds to the score.
    Optional,
    /// It is under a `Not`, and adds nothing.
    Unscored,
}

/// A word of a query.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) role: Role,
    /// Of the fields in which it is one term, by field, term and segment.
    pub(super) lists: Vec<TermList>,
    /// Of the fields in which it is several.
    pub(super) phrases: Vec<Phrase>,
}

impl Word {
    pub(super) fn is_scored(&self) -> bool {
        self.role != Role::Unscored
    }
}

/// What a query came to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: Node,
    pub(super) words: Vec<Word>,
    /// A word stands for more than [`EXPANSION_TERMS_MAX`] terms.
    pub(super) cut: bool,
}

/// A word before it is looked up.
struct Analysed {
    role: Role,
    /// What it looks for in which fields.
    wanted: Vec<(Vec<Part>, Vec<usize>)>,
}

/// A query whose names and numbers were checked.
pub(super) struct Checked {
    root: Node,
    words: Vec<Analysed>,
}

struct Checker<'a> {
    schema: &'a Schema,
    analyse: &'a dyn Analyse,
    conditions: usize,
    asked: usize,
    parts: usize,
    words: Vec<Analysed>,
}

/// Checks a query.
///
/// # Errors
/// [`Error::InvalidArgument`] for a field that does not exist or is of another kind, a number that is none, or an edit distance
/// above [`EDITS_MAX`]; [`Error::TooLarge`] above the other bounds.
pub(super) fn check(query: &Query, schema: &Schema, analyse: &dyn Analyse) -> Result<Checked> {
    let mut checker = Checker { schema, analyse, conditions: 0, asked: 0, parts: 0, words: Vec::new() };
    let root = checker.node(query, 0, Role::Required)?;
    Ok(Checked { root, words: checker.words })
}

fn too_large(limit: usize, got: usize, unit: &'static str) -> Box<Error> {
    Error::TooLarge { what: "the query".into(), limit: limit as u64, got: got as u64, unit }.into()
}

/// The role of each of so many of which any is enough.
fn one_of(many: usize, role: Role) -> Role {
    if many > 1 && role == Role::Required { Role::Optional } else { role }
}

/// The words that count among those asked of these fields. What the analyser of any of the fields leaves out, as a language's does with
/// the words that its texts are full of, is asked of none of them: whatever has it in just that field would be excluded.
/// Unless there is nothing else to ask.
pub(super) fn counted<'q>(
    words: &'q [Asked],
    schema: &Schema,
    fields: &[usize],
    analyse: &dyn Analyse,
) -> Vec<&'q Asked> {
    let analysers = schema.analysers(fields);
    let mut counted: Vec<&Asked> = words.iter().collect();
    if words.len() > 1 {
        counted.retain(|word| analysers.iter().all(|analyser| keeps(analyse, analyser, word)));
    }
    if counted.is_empty() { words.iter().collect() } else { counted }
}

/// Whether an analyser leaves a term of a word. The beginning of a word may be that of others.
fn keeps(analyse: &dyn Analyse, analyser: &Analyser, word: &Asked) -> bool {
    if matches!(word.how, Matching::Prefix | Matching::PrefixOrFuzzy(_)) {
        return !analyse.wanted(analyser, word).parts.is_empty();
    }
    let mut kept = false;
    analyse.terms(analyser, &word.text, &mut |_, _| kept = true);
    kept
}

impl Checker<'_> {
    fn field(&self, name: &str, takes: impl Fn(&Kind) -> bool, what: &str) -> Result<usize> {
        let number = self.schema.number(name);
        match number.and_then(|number| Some((number, self.schema.fields().get(number)?))) {
            Some((number, field)) if takes(&field.kind) => Ok(number),
            Some(_) => Err(Error::invalid(name, format!("the field is no {what} field"))),
            None => Err(Error::invalid(name, "no field of this name is indexed")),
        }
    }

    fn node(&mut self, query: &Query, depth: usize, role: Role) -> Result<Node> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(too_large(CONDITIONS_MAX, self.conditions, "conditions"));
        }
        if depth > NESTING_MAX {
            return Err(too_large(NESTING_MAX, depth, "levels"));
        }
        Ok(match query {
            Query::All => Node::All,
            Query::And(parts) => Node::And(self.nodes(parts, depth, role)?),
            Query::Or(parts) => Node::Or(self.nodes(parts, depth, one_of(parts.len(), role))?),
            Query::Not(part) => Node::Not(Box::new(self.node(part, depth + 1, Role::Unscored)?)),
            Query::Text(text) => {
                for name in &text.fields {
                    self.field(name, Kind::is_text, "text")?;
                }
                let fields = self.schema.text_fields(&text.fields);
                let first = self.words.len();
                self.asked += text.words.len();
                if self.asked > WORDS_MAX {
                    return Err(too_large(WORDS_MAX, self.asked, "words"));
                }
                let words = counted(&text.words, self.schema, &fields, self.analyse);
                let role = if text.all { role } else { one_of(words.len(), role) };
                for word in words {
                    self.word(word, &fields, role)?;
                }
                Node::Text { words: first..self.words.len(), all: text.all }
            }
            Query::Keyword { field, values, all } => {
                self.conditions += values.len();
                let field = self.field(field, Kind::is_keyword, "keyword")?;
                let values = values.iter().map(|value| cut(value, KEYWORD_BYTES_MAX).to_owned()).collect();
                Node::Keyword { field, values, all: *all }
            }
            Query::Range { field, from, to } => {
                let number = self.field(field, Kind::is_number, "number or date")?;
                let (from, to) = (from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY));
                if from.is_nan() || to.is_nan() {
                    return Err(Error::invalid(field, "a bound of the range is no number"));
                }
                Node::Range { field: number, from, to }
            }
            Query::Exists { field } => Node::Exists(self.field(field, |_| true, "")?),
        })
    }

    fn nodes(&mut self, parts: &[Query], depth: usize, role: Role) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        for part in parts {
            nodes.push(self.node(part, depth + 1, role)?);
        }
        Ok(nodes)
    }

    /// Adds a word, unless no analyser leaves a term of it.
    fn word(&mut self, word: &Asked, fields: &[usize], role: Role) -> Result<()> {
        if matches!(word.how, Matching::Fuzzy(edits) | Matching::PrefixOrFuzzy(edits) if edits > EDITS_MAX) {
            return Err(Error::invalid("fuzzy", "a distance is at most 2"));
        }
        // Fields of one analyser look for the same.
        let mut wanted: Vec<(&Analyser, Vec<Part>, Vec<usize>)> = Vec::new();
        for &field in fields {
            let Some(Kind::Text { analyser, .. }) = self.schema.fields().get(field).map(|field| &field.kind) else {
                continue;
            };
            if let Some((_, _, fields)) = wanted.iter_mut().find(|(other, ..)| *other == analyser) {
                fields.push(field);
            } else {
                let mut parts = self.analyse.wanted(analyser, word).parts;
                parts.truncate(WORDS_MAX);
                wanted.push((analyser, parts, vec![field]));
            }
        }
        self.parts += wanted.iter().map(|(_, parts, _)| parts.len()).max().unwrap_or(0);
        if self.parts > PARTS_MAX {
            return Err(too_large(PARTS_MAX, self.parts, "terms"));
        }
        let wanted = wanted.into_iter().map(|(_, parts, fields)| (parts, fields));
        let wanted: Vec<_> = wanted.filter(|(parts, _)| !parts.is_empty()).collect();
        if !wanted.is_empty() {
            self.words.push(Analysed { role, wanted });
        }
        Ok(())
    }
}

impl Index {
    /// Looks the words up, and finds what is not loaded.
    pub(super) fn plan(&self, checked: Checked, missing: &mut Vec<PartId>) -> Result<Plan, Damaged> {
        let mut plan = Plan { root: checked.root, words: Vec::new(), cut: false };
        for word in checked.words {
            let mut planned = Word { role: word.role, lists: Vec::new(), phrases: Vec::new() };
            for (parts, fields) in &word.wanted {
                if let [part] = parts.as_slice() {
                    planned.lists.extend(self.expand(&part.any, fields, &mut plan.cut, missing)?);
                    continue;
                }
                for &field in fields {
                    let mut slots = Vec::new();
                    for part in parts {
                        let lists = self.expand(&part.any, &[field], &mut plan.cut, missing)?;
                        slots.push(Slot { offset: part.position, lists });
                    }
                    planned.phrases.push(Phrase { field, slots });
                }
            }
            sort(&mut planned.lists);
            let slots = planned.phrases.iter().flat_map(|phrase| &phrase.slots);
            for (stream, list) in
                planned.lists.iter().map(|list| (POSTINGS, list)).chain(
                    slots.flat_map(|slot| slot.lists.iter().flat_map(|list| [(POSTINGS, list), (POSITIONS, list)])),
                )
            {
                let Some(attached) = self.segments.get(list.segment) else { continue };
                let span = if stream == POSTINGS { &list.span } else { &list.positions };
                let found = attached.segment.need(stream, span, missing);
                found.map_err(|damage| damaged(attached.segment.number, damage))?;
            }
            plan.words.push(planned);
        }
        Ok(plan)
    }

    /// The lists, in these fields, of any of these terms and of those that they stand for.
    fn expand(
        &self,
        any: &[(String, Matching)],
        fields: &[usize],
        cut_off: &mut bool,
        missing: &mut Vec<PartId>,
    ) -> Result<Vec<TermList>, Damaged> {
        let mut found = self.look_up(any, fields, missing)?;
        if found.weights.len() > EXPANSION_TERMS_MAX {
            *cut_off = true;
            found.keep_best();
        }
        let Found { mut lists, weights, .. } = found;
        for list in &mut lists {
            list.weight = weights.get(list.term as usize).map_or(0.0, |(weight, _)| *weight);
        }
        Ok(lists)
    }

    /// The same without a bound and without weights.
    pub(super) fn look_up<'f>(
        &self,
        any: &[(String, Matching)],
        fields: &'f [usize],
        missing: &mut Vec<PartId>,
    ) -> Result<Found<'f>, Damaged> {
        let mut found = Found { fields, lists: Vec::new(), terms: Interner::default(), weights: Vec::new() };
        for (at, attached) in self.segments.iter().enumerate() {
            let segment = &attached.segment;
            for (term, how) in any {
                let (term, how) = (cut(term, TERM_BYTES_MAX), *how);
                let wanted = |first: &[u8]| match how {
                    Matching::Prefix => first.starts_with(term.as_bytes()),
                    Matching::Fuzzy(_) | Matching::PrefixOrFuzzy(_) => true,
                    Matching::Exact | Matching::Phrase => false,
                };
                let is_fuzzy = matches!(how, Matching::Fuzzy(_) | Matching::PrefixOrFuzzy(_));
                let start: &[u8] = if is_fuzzy { &[] } else { term.as_bytes() };
                for chunk in segment.chunks(start, &wanted) {
                    let run = &mut |terms: &super::layout::Terms<'_>| found.search(terms, term, how, at);
                    let done = segment.chunk(chunk, missing, run);
                    done.map_err(|damage| damaged(segment.number, damage))?;
                }
            }
        }
        Ok(found)
    }
}

/// By field, then term, then segment. There may be thousands, and each has many words.
fn sort(lists: &mut Vec<TermList>) {
    // Fields take six bits; nobody has as many segments as fit into what the term leaves.
    let key = |list: &TermList| (list.field as u64) << 58 | u64::from(list.term) << 26 | list.segment as u64;
    if lists.is_sorted_by_key(key) {
        return;
    }
    let mut order: Vec<(u64, u32)> = lists.iter().map(key).zip(0..).collect();
    by_number(&mut order);
    *lists = order.into_iter().filter_map(|(_, at)| lists.get(at as usize).cloned()).collect();
}

/// Terms found for a word.
pub(super) struct Found<'a> {
    fields: &'a [usize],
    pub(super) lists: Vec<TermList>,
    pub(super) terms: Interner,
    /// Of each term: its weight, and the segment where it was found last.
    weights: Vec<(f32, usize)>,
}

impl Found<'_> {
    fn search(&mut self, terms: &super::layout::Terms<'_>, term: &str, how: Matching, segment: usize) -> Read<()> {
        match how {
            Matching::Exact | Matching::Phrase => {
                let (ordinal, found) = terms.trie.find(term.as_bytes())?;
                if found {
                    self.add(&mut terms.lists(ordinal)?, term.as_bytes(), 1.0, segment)?;
                }
            }
            Matching::Prefix => {
                let letters = term.chars().count() as f32;
                let mut walk = terms.trie.prefixed(term.as_bytes())?;
                let mut lists = None;
                while let Some(ordinal) = walk.next()? {
                    let lists = match &mut lists {
                        Some(lists) => lists,
                        none => none.insert(terms.lists(ordinal)?),
                    };
                    // Bytes that continue no character.
                    let long = walk.string().iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
                    self.add(lists, walk.string(), letters / long as f32, segment)?;
                }
            }
            // Analysers make two parts of a word that is both; alone it is for terms that begin with something near.
            Matching::Fuzzy(edits) | Matching::PrefixOrFuzzy(edits) => {
                let mut near = Vec::new();
                let is_open = matches!(how, Matching::PrefixOrFuzzy(_));
                terms.trie.near(term, edits, is_open, &mut |found, ordinal, distance| {
                    near.push((found.to_vec(), ordinal, distance));
                })?;
                for (found, ordinal, distance) in near {
                    self.add(&mut terms.lists(ordinal)?, &found, 1.0 / (1.0 + f32::from(distance)), segment)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, lists: &mut super::layout::Lists<'_>, term: &[u8], weight: f32, segment: usize) -> Read<()> {
        let first = self.lists.len();
        let Self { fields, lists: all, .. } = self;
        lists.next(&mut |listed| {
            if fields.contains(&listed.field) {
                let super::layout::Listed { field, postings, span, positions } = listed;
                all.push(TermList { term: 0, weight: 0.0, field, segment, postings, span, positions });
            }
        })?;
        if self.lists.len() == first {
            return Ok(());
        }
        let number = self.terms.number(term);
        match self.weights.get_mut(number as usize) {
            None => self.weights.push((weight, segment)),
            Some((best, last)) => {
                *best = best.max(weight);
                if *last == segment {
                    // Two of the alternatives stand for it.
                    self.lists.truncate(first);
                }
                *last = segment;
            }
        }
        for list in self.lists.get_mut(first..).unwrap_or_default() {
            list.term = number;
        }
        Ok(())
    }

    fn keep_best(&mut self) {
        // Weights are above zero, so their bits are in their order.
        let keys = self.weights.iter().map(|(weight, _)| u64::from(!weight.to_bits()));
        let mut order: Vec<(u64, u32)> = keys.zip(0..).collect();
        by_number(&mut order);
        let Some(&(last, _)) = order.get(EXPANSION_TERMS_MAX - 1) else { return };
        let (better, rest) = order.split_at(order.partition_point(|(key, _)| *key < last));
        let (equal, _) = rest.split_at(rest.partition_point(|(key, _)| *key == last));
        // Only those that just some are taken of have to be put in order.
        let text = |at: u32| equal.get(at as usize).map_or(&[][..], |(_, term)| self.terms.get(*term));
        let first = by_text(equal.len(), text).into_iter().filter_map(|at| equal.get(at as usize));
        let mut kept = vec![false; order.len()];
        for (_, term) in better.iter().chain(first.take(EXPANSION_TERMS_MAX - better.len())) {
            if let Some(kept) = kept.get_mut(*term as usize) {
                *kept = true;
            }
        }
        self.lists.retain(|list| kept.get(list.term as usize) == Some(&true));
    }
}
