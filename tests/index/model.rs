//! What is true, by looking at everything.

use hoardb::index::{Analyse, Analysers, Entry, Field, Kind, Matching, Query, Schema, Text, Value, Word};
use std::collections::{BTreeMap, BTreeSet};

/// List and index of an item; none: metadata.
pub type At = Option<(String, u64)>;

pub type Tokens = Vec<(String, u32)>;

/// An entry, analysed.
#[derive(Debug, Clone)]
pub struct Known {
    pub entry: Entry,
    /// By field.
    tokens: BTreeMap<usize, Tokens>,
}

#[derive(Debug, Default)]
pub struct Model {
    pub entries: BTreeMap<(String, At), Known>,
}

/// A word with what it is in each field, and what each entry scores for it.
struct Scored {
    scored: bool,
    entries: BTreeMap<(String, At), f64>,
}

/// How well a session fits.
pub struct Fitting {
    pub score: f64,
    /// Whether it has all words that are scored.
    pub complete: bool,
    /// What each of its entries scores.
    pub entries: BTreeMap<At, f64>,
}

impl Model {
    pub fn put(&mut self, schema: &Schema, entry: Entry) {
        let mut tokens = BTreeMap::new();
        for (field, value) in &entry.values {
            if let (Value::Text(texts), Kind::Text { analyser, .. }) = (value, &schema.fields()[*field].kind) {
                let (mut all, mut base) = (Tokens::new(), 0);
                for text in texts {
                    let mut last = base;
                    Analysers.terms(analyser, text, &mut |term, position| {
                        last = base + position;
                        all.push((term.into(), last));
                    });
                    base = last + 16;
                }
                tokens.insert(*field, all);
            }
        }
        let at = entry.at.as_ref().map(|(list, index)| (list.as_str().to_owned(), *index));
        self.entries.insert((entry.session.as_str().to_owned(), at), Known { entry, tokens });
    }

    pub fn sessions(&self) -> BTreeSet<String> {
        self.entries.keys().map(|(session, _)| session.clone()).collect()
    }

    /// The terms of these fields, and the sessions that have each.
    pub fn terms(&self, fields: &[usize]) -> BTreeMap<String, BTreeSet<String>> {
        let mut terms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for ((session, _), known) in &self.entries {
            for (term, _) in fields.iter().filter_map(|field| known.tokens.get(field)).flatten() {
                terms.entry(term.clone()).or_default().insert(session.clone());
            }
        }
        terms
    }

    fn value(&self, session: &str, field: usize) -> Option<&Value> {
        let known = self.entries.get(&(session.to_owned(), None))?;
        known.entry.values.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    pub fn keywords(&self, session: &str, field: usize) -> BTreeSet<String> {
        match self.value(session, field) {
            Some(Value::Keywords(values)) => values.iter().cloned().collect(),
            _ => BTreeSet::new(),
        }
    }

    pub fn number(&self, session: &str, field: usize) -> Option<f64> {
        match self.value(session, field) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// How often a field's text has a word (a single term or a phrase), times weight: of each entry.
    fn frequencies(
        &self,
        field: usize,
        slots: &[(BTreeSet<String>, u32)],
        positions: bool,
    ) -> BTreeMap<(String, At), u32> {
        let mut found = BTreeMap::new();
        for (key, known) in &self.entries {
            let Some(tokens) = known.tokens.get(&field) else { continue };
            let has = |terms: &BTreeSet<String>, at: u32| {
                tokens.iter().any(|(term, position)| *position == at && terms.contains(term))
            };
            let often = if let [(terms, _)] = slots {
                tokens.iter().filter(|(term, _)| terms.contains(term)).count()
            } else if positions {
                let ends = tokens.last().map_or(0, |(_, last)| last + 1);
                (0..ends).filter(|start| slots.iter().all(|(terms, offset)| has(terms, start + offset))).count()
            } else {
                let count = |terms: &BTreeSet<String>| tokens.iter().filter(|(term, _)| terms.contains(term)).count();
                slots.iter().map(|(terms, _)| count(terms)).min().unwrap_or(0)
            };
            if often > 0 {
                found.insert(key.clone(), often as u32);
            }
        }
        found
    }

    /// Boost x BM25 of each entry, from the textbook.
    fn bm25(&self, field: usize, boost: f64, frequencies: &BTreeMap<(String, At), u32>) -> BTreeMap<(String, At), f64> {
        let lengths: Vec<f64> =
            self.entries.values().filter_map(|known| Some(known.tokens.get(&field)?.len() as f64)).collect();
        let (n, df) = (lengths.len() as f64, frequencies.len() as f64);
        let average = lengths.iter().sum::<f64>() / n;
        let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        let (k1, b) = (1.2, 0.75);
        let score = |(key, &often): (&(String, At), &u32)| {
            let (tf, dl) = (f64::from(often), self.entries[key].tokens[&field].len() as f64);
            (key.clone(), boost * idf * tf * (k1 + 1.0) / (tf + k1 * (1.0 - b + b * dl / average)))
        };
        frequencies.iter().map(score).collect()
    }

    /// The terms of a field that a word stands for, with their weights.
    fn expand(&self, field: usize, word: &str, how: Matching) -> BTreeMap<String, f64> {
        let letters = |text: &str| text.chars().count() as f64;
        let all: BTreeSet<&String> = self
            .entries
            .values()
            .filter_map(|known| known.tokens.get(&field))
            .flatten()
            .map(|(term, _)| term)
            .collect();
        let weight = |term: &str| match how {
            Matching::Phrase | Matching::PrefixOrFuzzy(_) => unreachable!("analysers make parts of them"),
            Matching::Exact => (term == word).then_some(1.0),
            Matching::Prefix => term.starts_with(word).then(|| letters(word) / letters(term)),
            Matching::Fuzzy(edits) => {
                let distance = distance(word, term);
                (distance <= edits.into()).then_some(1.0 / (1.0 + distance as f64))
            }
        };
        all.into_iter().filter_map(|term| Some((term.clone(), weight(term)?))).collect()
    }

    fn word(&self, schema: &Schema, word: &Word, fields: &[usize]) -> Option<BTreeMap<(String, At), f64>> {
        let mut sums: BTreeMap<(String, At), f64> = BTreeMap::new();
        let mut counts = false;
        for &field in fields {
            let Kind::Text { analyser, boost, positions } = &schema.fields()[field].kind else { unreachable!() };
            let parts = Analysers.wanted(analyser, word).parts;
            counts |= !parts.is_empty();
            let mut best: BTreeMap<(String, At), f64> = BTreeMap::new();
            let expand = |any: &[(String, Matching)]| {
                let mut terms: BTreeMap<String, f64> = BTreeMap::new();
                for (term, weight) in any.iter().flat_map(|(word, how)| self.expand(field, word, *how)) {
                    let best = terms.entry(term).or_default();
                    *best = best.max(weight);
                }
                terms
            };
            if let [part] = parts.as_slice() {
                for (term, weight) in expand(&part.any) {
                    let found = self.frequencies(field, &[(BTreeSet::from([term]), 0)], true);
                    for (key, score) in self.bm25(field, f64::from(*boost), &found) {
                        let best = best.entry(key).or_default();
                        *best = best.max(score * weight);
                    }
                }
            } else if !parts.is_empty() {
                let slots: Vec<(BTreeSet<String>, u32)> =
                    parts.iter().map(|part| (expand(&part.any).into_keys().collect(), part.position)).collect();
                best = self.bm25(field, f64::from(*boost), &self.frequencies(field, &slots, *positions));
            }
            for (key, score) in best {
                *sums.entry(key).or_default() += score;
            }
        }
        counts.then_some(sums)
    }

    /// The sessions that fulfil a query; words go to `words`.
    fn fulfil(&self, schema: &Schema, query: &Query, scored: bool, words: &mut Vec<Scored>) -> BTreeSet<String> {
        let all = self.sessions();
        let number = |name: &str| schema.number(name).unwrap();
        match query {
            Query::All => all,
            Query::And(parts) => parts.iter().fold(all, |left, part| {
                let other = self.fulfil(schema, part, scored, words);
                left.intersection(&other).cloned().collect()
            }),
            Query::Or(parts) => parts.iter().flat_map(|part| self.fulfil(schema, part, scored, words)).collect(),
            Query::Not(part) => {
                let other = self.fulfil(schema, part, false, words);
                all.difference(&other).cloned().collect()
            }
            Query::Text(Text { words: asked, all: every, fields }) => {
                let mut fields: Vec<usize> = fields.iter().map(|name| number(name)).collect();
                let is_text = |field: &Field| matches!(field.kind, Kind::Text { .. });
                if fields.is_empty() {
                    fields = (0..schema.fields().len()).filter(|&field| is_text(&schema.fields()[field])).collect();
                }
                fields.sort_unstable();
                fields.dedup();
                let mut sets: Vec<BTreeSet<String>> = Vec::new();
                // What any of the fields leaves out is not asked, unless there is nothing else.
                let is_left_out = |word: &Word, field: &usize| {
                    let Kind::Text { analyser, .. } = &schema.fields()[*field].kind else { unreachable!() };
                    let how = if matches!(word.how, Matching::Fuzzy(_)) { Matching::Exact } else { word.how };
                    Analysers.wanted(analyser, &Word { text: word.text.clone(), how }).parts.is_empty()
                };
                let (some, asked): (Vec<&Word>, Vec<&Word>) =
                    asked.iter().partition(|word| fields.iter().any(|field| is_left_out(word, field)));
                for word in if asked.is_empty() { some } else { asked } {
                    let Some(entries) = self.word(schema, word, &fields) else { continue };
                    sets.push(entries.keys().map(|(session, _)| session.clone()).collect());
                    words.push(Scored { scored, entries });
                }
                match (sets.is_empty(), every) {
                    (true, _) => BTreeSet::new(),
                    (_, true) => {
                        all.into_iter().filter(|session| sets.iter().all(|set| set.contains(session))).collect()
                    }
                    (_, false) => sets.into_iter().flatten().collect(),
                }
            }
            Query::Keyword { field, values, all: every } => {
                let fits = |session: &String| {
                    let has = self.keywords(session, number(field));
                    if *every { values.iter().all(|v| has.contains(v)) } else { values.iter().any(|v| has.contains(v)) }
                };
                all.into_iter().filter(fits).collect()
            }
            Query::Range { field, from, to } => {
                let fits = |session: &String| {
                    let value = self.number(session, number(field));
                    value.is_some_and(|value| from.is_none_or(|from| from <= value) && to.is_none_or(|to| value <= to))
                };
                all.into_iter().filter(fits).collect()
            }
            Query::Exists { field } => {
                let field = number(field);
                let has = |known: &Known| {
                    known.entry.values.iter().any(|(other, value)| {
                        *other == field && !matches!(value, Value::Keywords(values) if values.is_empty())
                    })
                };
                self.entries.iter().filter(|(_, known)| has(known)).map(|((session, _), _)| session.clone()).collect()
            }
        }
    }

    /// The sessions that fulfil a query.
    pub fn answer(&self, schema: &Schema, query: &Query) -> BTreeMap<String, Fitting> {
        let mut words = Vec::new();
        let found = self.fulfil(schema, query, true, &mut words);
        let mut answer = BTreeMap::new();
        for session in found {
            let (mut score, mut complete, mut entries) = (0.0, true, BTreeMap::new());
            for word in words.iter().filter(|word| word.scored) {
                let (mut best, mut has) = (0.0_f64, false);
                let from = (session.clone(), None);
                for ((_, at), &of_entry) in word.entries.range(from..).take_while(|((other, _), _)| *other == session) {
                    best = best.max(of_entry);
                    has = true;
                    *entries.entry(at.clone()).or_default() += of_entry;
                }
                score += best;
                complete &= has;
            }
            answer.insert(session, Fitting { score, complete, entries });
        }
        answer
    }
}

/// Levenshtein's, by rows.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let cell = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cell);
        }
    }
    row[b.len()]
}
