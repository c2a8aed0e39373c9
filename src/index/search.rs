//! Answers a query.
//!
//! Words are looked at one after the other: each adds its score to the sums of the sessions that have it. Conditions become sets
//! of session ordinals. What is left is counted, and only as many as are asked for are put in order. By relevance, what has all of the
//! words comes first (see `rank`): where something found may lack a word, the sessions that have all words are a set of their own.
//!
//! With a single segment of which nothing is dead, entries of metadata, sessions and their ordinals are the same numbers.

use super::bits::Bits;
use super::bytes::Read;
use super::plan::{Checked, Node, Plan, Role, check};
use super::query::Query;
use super::rank::{Key, Top, lacking, number_key, score_key, score_of};
use super::schema::{Analyse, Kind};
use super::score::{Scores, Sums, Weighed, Workspace, intersect, join};
use super::segment::PartId;
use super::segments::{Attached, Damaged, Index, damaged};
use super::values::Values;
use crate::error::{Error, Result};

/// The most values of a facet that are told.
pub const FACET_VALUES_MAX: usize = 1000;

/// The most hits of an answer.
pub const HITS_MAX: usize = 1000;

/// What is asked of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Which sessions.
    pub query: Query,
    /// In which order.
    pub order: Order,
    /// How many of them, at most [`HITS_MAX`].
    pub limit: usize,
    /// How many are passed over.
    pub offset: usize,
    /// Keyword fields whose values are counted, and how many values of each are told, at most [`FACET_VALUES_MAX`].
    pub facets: Vec<(String, usize)>,
}

/// The order of hits. Ties are decided by session id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// What has all words that are scored comes first; then the highest score.
    Relevance,
    /// By a keyword, number or date field; what does not have it comes last. Of several keywords the smallest counts.
    Field {
        /// The field's name.
        name: String,
        /// The largest first.
        reverse: bool,
    },
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<F = Found> {
    /// These parts have to be [loaded](Index::load), then it is asked again.
    Needs(Vec<PartId>),
    /// A segment cannot be read. It has to be [removed](Index::remove) and made anew; without it the others answer.
    Damaged(Damaged),
    /// The answer.
    Found(F),
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// How many sessions there are in all.
    pub total: u64,
    /// The hits that were asked for.
    pub hits: Vec<Hit>,
    /// In the order in which they were asked for.
    pub facets: Vec<Facet>,
    /// A prefix or fuzzy word stands for more terms than were looked at.
    pub cut: bool,
}

/// A session that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its id.
    pub session: String,
    /// How well it fits; 0 without words.
    pub score: f32,
    /// The item that fits best, if it fits better than the metadata.
    pub at: Option<(String, u64)>,
}

/// The values of a field among everything found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field's name.
    pub field: String,
    /// Values, and how many sessions have each: the most first, then in order.
    pub values: Vec<(String, u64)>,
    /// How many more values there are.
    pub others: u64,
}

/// What queries work with and leave empty.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    space: Workspace,
    /// By session: score of the query, of a word.
    sums: Sums,
    best: Sums,
    /// By entry and by session, of a word.
    entries: Scores,
    hits: Scores,
    joined: Scores,
}

impl Scratch {
    pub(super) fn memory(&self) -> usize {
        self.space.memory()
            + self.sums.memory()
            + self.best.memory()
            + (self.entries.capacity() + self.hits.capacity() + self.joined.capacity()) * 8
    }
}

/// Sessions that fulfil a condition.
enum Matches {
    /// Each once, in any order.
    List(Vec<u32>),
    Set(Bits),
}

/// How results are put in order.
enum Sorting {
    Relevance,
    Keywords { field: usize, values: Values, reverse: bool },
    Numbers { field: usize, reverse: bool },
}

impl Index {
    /// Asks the index. Nothing is waited for: what is missing is named, and is there the next time.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`] for a query that makes no sense or is larger than its bounds.
    #[inline(never)]
    pub fn search(&mut self, search: &Search, analyse: &dyn Analyse) -> Result<Answer> {
        let checked = check(&search.query, &self.schema, analyse)?;
        if search.limit > HITS_MAX {
            let (limit, got) = (HITS_MAX as u64, search.limit as u64);
            return Err(Error::TooLarge { what: "limit".into(), limit, got, unit: "hits" }.into());
        }
        let mut facets = Vec::new();
        for (name, values) in &search.facets {
            if *values > FACET_VALUES_MAX {
                let (limit, got) = (FACET_VALUES_MAX as u64, *values as u64);
                return Err(Error::TooLarge { what: "facets".into(), limit, got, unit: "values" }.into());
            }
            facets.push((self.field(name, Kind::is_keyword, "a facet is of a keyword field")?, *values));
        }
        let sorted_by = match &search.order {
            Order::Relevance => None,
            Order::Field { name, reverse } => {
                let sorts = |kind: &Kind| !kind.is_text();
                Some((self.field(name, sorts, "order is by a keyword, number or date field")?, *reverse))
            }
        };
        Ok(self.answer(search, checked, &facets, sorted_by).unwrap_or_else(|damaged| {
            self.scratch = Scratch::default();
            Answer::Damaged(damaged)
        }))
    }

    pub(super) fn field(&self, name: &str, takes: impl Fn(&Kind) -> bool, problem: &str) -> Result<usize> {
        let number =
            self.schema.number(name).ok_or_else(|| Error::invalid(name, "no field of this name is indexed"))?;
        let fits = self.schema.fields().get(number).is_some_and(|field| takes(&field.kind));
        if fits { Ok(number) } else { Err(Error::invalid(name, problem)) }
    }

    fn answer(
        &mut self,
        search: &Search,
        checked: Checked,
        facets: &[(usize, usize)],
        sorted_by: Option<(usize, bool)>,
    ) -> Result<Answer, Damaged> {
        let mut missing = Vec::new();
        self.attach(&mut missing)?;
        // Words can be looked up meanwhile, so that what is missing for them is loaded at once with what counts.
        let plan = self.plan(checked, &mut missing)?;
        let mut columns: Vec<usize> = facets.iter().map(|(field, _)| *field).collect();
        columns.extend(sorted_by.map(|(field, _)| field));
        fields_of(&plan.root, &mut columns);
        for attached in &mut self.segments {
            for &field in &columns {
                let ready = attached.segment.prepare_column(field, &mut missing);
                ready.map_err(|damage| damaged(attached.segment.number, damage))?;
            }
        }
        if !missing.is_empty() {
            return Ok(Answer::Needs(missing));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let found = self.evaluate(search, &plan, facets, sorted_by, &mut scratch)?;
        self.scratch = scratch;
        Ok(Answer::Found(found))
    }

    fn evaluate(
        &self,
        search: &Search,
        plan: &Plan,
        facets: &[(usize, usize)],
        sorted_by: Option<(usize, bool)>,
        scratch: &mut Scratch,
    ) -> Result<Found, Damaged> {
        let sorting = match sorted_by {
            None => Sorting::Relevance,
            Some((field, reverse)) => {
                match self.schema.fields().get(field).is_some_and(|field| field.kind.is_keyword()) {
                    true => Sorting::Keywords { field, values: self.values(field)?, reverse },
                    false => Sorting::Numbers { field, reverse },
                }
            }
        };
        let words: Result<Vec<Weighed<'_>>, Damaged> = plan.words.iter().map(|word| self.weigh(word)).collect();
        let words = words?;
        scratch.sums.reserve(self.sessions.len());
        let by_score = matches!(sorting, Sorting::Relevance);
        let mut evaluation = Evaluation { index: self, words: &words, scratch, by_score, complete: None };
        let wanted = if search.limit > 0 { search.offset.saturating_add(search.limit) } else { 0 };
        let mut top = Top::new(wanted);
        let (total, sessions) = match (&plan.root, &sorting) {
            // Words alone, the best first: nothing has to be looked up by session.
            (Node::Text { words, all }, Sorting::Relevance) => {
                let scores = evaluation.text(words.clone(), *all, false)?;
                for &(ordinal, score) in &scores {
                    let key = score_key(score);
                    if top.fits(key) {
                        evaluation.push(&mut top, key, ordinal);
                    }
                }
                let counted = if facets.is_empty() { &[][..] } else { &scores };
                (scores.len(), counted.iter().map(|(ordinal, _)| *ordinal).collect())
            }
            (root, sorting) => {
                let sessions = match evaluation.node(root)? {
                    Matches::List(list) => list,
                    Matches::Set(set) => set.to_vec(),
                };
                for &ordinal in &sessions {
                    let key = match sorting {
                        Sorting::Relevance => score_key(evaluation.scratch.sums.get(ordinal)),
                        _ => self.field_key(sorting, ordinal).unwrap_or(Key::MAX),
                    };
                    if top.fits(key) {
                        evaluation.push(&mut top, key, ordinal);
                    }
                }
                (sessions.len(), sessions)
            }
        };
        let top = top.finish();
        let mut hits: Vec<(u32, Hit)> = Vec::with_capacity(top.len().saturating_sub(search.offset));
        for (key, place) in top.into_iter().skip(search.offset) {
            let ordinal = self.sessions.at_place(place);
            let score = if by_score { score_of(key) } else { scratch.sums.get(ordinal) };
            hits.push((ordinal, Hit { session: self.id(ordinal)?, score, at: None }));
        }
        scratch.sums.clear();
        if self.schema.groups() > 1 && words.iter().any(|word| word.word.is_scored()) {
            self.find_items(&words, &mut hits, scratch)?;
        }
        let facets =
            facets.iter().map(|&(field, limit)| self.facet(field, limit, &sessions)).collect::<Result<_, _>>()?;
        let hits = hits.into_iter().map(|(_, hit)| hit).collect();
        Ok(Found { total: total as u64, hits, facets, cut: plan.cut })
    }

    fn field_key(&self, sorting: &Sorting, ordinal: u32) -> Option<Key> {
        let home = self.sessions.home(ordinal)?;
        let segment = &self.segments.get(home.segment as usize)?.segment;
        match sorting {
            Sorting::Relevance => None,
            Sorting::Numbers { field, reverse } => {
                Some(number_key(segment.numbers(*field)?.value(home.entry), *reverse))
            }
            Sorting::Keywords { field, values, reverse } => {
                let &value = segment.keywords(*field)?.values(home.entry).first()?;
                // Plus 1, so that no reversed key is that of what is missing.
                let key = values.key(home.segment as usize, value).saturating_add(1);
                Some(if *reverse { !key } else { key })
            }
        }
    }

    /// Counts a keyword field's values among these sessions.
    fn facet(&self, field: usize, limit: usize, sessions: &[u32]) -> Result<Facet, Damaged> {
        let values = self.values(field)?;
        let (lead, all) = values.len(self);
        let mut counts = vec![0_u32; all];
        for &ordinal in sessions {
            let Some(home) = self.sessions.home(ordinal) else { continue };
            let segment = self.segments.get(home.segment as usize).map(|attached| &attached.segment);
            let Some(column) = segment.and_then(|segment| segment.keywords(field)) else { continue };
            for &value in column.values(home.entry) {
                let place = values.place(values.key(home.segment as usize, value), lead);
                if let Some(count) = counts.get_mut(place) {
                    *count += 1;
                }
            }
        }
        let order = values.order(lead);
        let mut top = Top::new(limit);
        let mut found = 0;
        for (rank, &place) in (0..).zip(&order) {
            if let Some(&count) = counts.get(place).filter(|&&count| count > 0) {
                found += 1;
                if limit > 0 {
                    top.push((!count).into(), rank);
                }
            }
        }
        let mut told = Vec::new();
        for (key, rank) in top.finish() {
            let place = order.get(rank as usize).copied().unwrap_or(0);
            told.push((values.text(self, place, lead)?, u64::from(!(key as u32))));
        }
        let name = self.schema.fields().get(field).map_or_else(String::new, |field| field.name.clone());
        Ok(Facet { field: name, others: found - told.len() as u64, values: told })
    }

    /// Finds the item of each hit that fits best, if it fits better than the metadata. The words are looked at once more, for
    /// these sessions alone.
    fn find_items(&self, words: &[Weighed<'_>], hits: &mut [(u32, Hit)], scratch: &mut Scratch) -> Result<(), Damaged> {
        let mut places: Vec<(u32, usize)> =
            (0..).zip(hits.iter()).map(|(place, (ordinal, _))| (*ordinal, place)).collect();
        places.sort_unstable();
        // Of each hit: score, group and index of the entry that fits best. The metadata is group 0 and wins a tie.
        let mut fitting = vec![(0.0_f32, 0_usize, 0_u32); hits.len()];
        for (at, attached) in self.segments.iter().enumerate() {
            let Some(core) = attached.segment.core() else { continue };
            for (number, group) in core.groups.iter().enumerate().filter(|(_, group)| group.length > 0) {
                let Scratch { space, best, entries, .. } = scratch;
                best.reserve(group.length as usize);
                for word in words.iter().filter(|word| word.word.is_scored()) {
                    entries.clear();
                    let done = self.entry_scores(word, at, number, space, entries);
                    done.map_err(|damage| damaged(attached.segment.number, damage))?;
                    entries.iter().for_each(|&(entry, score)| best.add(entry, score));
                }
                best.drain(|entry, score| {
                    let ordinal = attached.ordinal(group.session(entry));
                    let place = places.binary_search_by_key(&ordinal, |(ordinal, _)| *ordinal);
                    let Some(&(_, place)) = place.ok().and_then(|place| places.get(place)) else { return };
                    let Some(fits) = fitting.get_mut(place) else { return };
                    let index = group.indexes.get(entry as usize).copied().unwrap_or(0);
                    if score > fits.0 || score == fits.0 && (number, index) < (fits.1, fits.2) {
                        *fits = (score, number, index);
                    }
                });
            }
        }
        for ((_, hit), (_, group, index)) in hits.iter_mut().zip(fitting) {
            hit.at = self.schema.list(group).map(|list| (list.to_owned(), index.into()));
        }
        Ok(())
    }
}

/// The columns that conditions look into.
fn fields_of(node: &Node, fields: &mut Vec<usize>) {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| fields_of(part, fields)),
        Node::Not(part) => fields_of(part, fields),
        Node::Keyword { field, .. } | Node::Range { field, .. } | Node::Exists(field) => fields.push(*field),
        Node::All | Node::Text { .. } => {}
    }
}

/// A query on its way.
struct Evaluation<'e> {
    index: &'e Index,
    words: &'e [Weighed<'e>],
    scratch: &'e mut Scratch,
    /// Whether the order is by relevance.
    by_score: bool,
    /// The sessions that have every optional word looked at so far; none: there was no such word, or the order is another.
    complete: Option<Bits>,
}

impl Evaluation<'_> {
    /// Takes a session among the first if its key fits, behind those that have more of the words.
    fn push(&self, top: &mut Top, key: Key, ordinal: u32) {
        let lacks = self.complete.as_ref().is_some_and(|complete| !complete.contains(ordinal));
        let key = if lacks { lacking(key) } else { key };
        if top.fits(key) {
            top.push(key, self.index.sessions.place_of(ordinal));
        }
    }

    fn node(&mut self, node: &Node) -> Result<Matches, Damaged> {
        Ok(match node {
            Node::All => Matches::Set(self.index.sessions.alive.clone()),
            Node::And(parts) => self.and(parts)?,
            Node::Or(parts) => {
                let mut set = self.none();
                for part in parts {
                    match self.node(part)? {
                        Matches::List(list) => list.into_iter().for_each(|ordinal| set.insert(ordinal)),
                        Matches::Set(other) => set.or(&other),
                    }
                }
                Matches::Set(set)
            }
            Node::Not(part) => {
                let mut set = self.index.sessions.alive.clone();
                match self.node(part)? {
                    Matches::List(list) => list.into_iter().for_each(|ordinal| set.remove(ordinal)),
                    Matches::Set(other) => set.and_not(&other),
                }
                Matches::Set(set)
            }
            Node::Text { words, all } => {
                let scores = self.text(words.clone(), *all, true)?;
                Matches::List(scores.into_iter().map(|(ordinal, _)| ordinal).collect())
            }
            Node::Keyword { field, values, all } => Matches::Set(self.keyword(*field, values, *all)?),
            Node::Range { field, from, to } => Matches::Set(self.range(*field, *from, *to)),
            Node::Exists(field) => Matches::Set(self.exists(*field)),
        })
    }

    fn none(&self) -> Bits {
        Bits::new(self.index.sessions.len())
    }

    /// A list is short: the sets cut it. Sets among themselves cut each other.
    fn and(&mut self, parts: &[Node]) -> Result<Matches, Damaged> {
        let (mut lists, mut set) = (Vec::new(), None::<Bits>);
        for part in parts {
            match (self.node(part)?, &mut set) {
                (Matches::List(list), _) => lists.push(list),
                (Matches::Set(other), Some(set)) => set.and(&other),
                (Matches::Set(other), none) => *none = Some(other),
            }
        }
        while lists.len() > 1 || (lists.len() == 1 && set.is_some()) {
            let mut list = lists.pop().unwrap_or_default();
            match &set {
                Some(set) => list.retain(|&ordinal| set.contains(ordinal)),
                None => {
                    let mut other = self.none();
                    list.iter().for_each(|&ordinal| other.insert(ordinal));
                    list = lists.pop().unwrap_or_default();
                    list.retain(|&ordinal| other.contains(ordinal));
                }
            }
            if lists.is_empty() {
                return Ok(Matches::List(list));
            }
            let mut cut = self.none();
            list.iter().for_each(|&ordinal| cut.insert(ordinal));
            set = Some(cut);
        }
        Ok(match (lists.pop(), set) {
            (Some(list), _) => Matches::List(list),
            (None, Some(set)) => Matches::Set(set),
            (None, None) => Matches::Set(self.index.sessions.alive.clone()),
        })
    }

    /// The sessions that have all of these words, or any of them, with the sum of what these add. Where other conditions may
    /// take in what has some of the words, each word goes to the sums on its own.
    fn text(&mut self, words: std::ops::Range<usize>, all: bool, to_sums: bool) -> Result<Scores, Damaged> {
        let many = words.len() > 1;
        let mut scores = Scores::new();
        for (number, word) in self.words.get(words).unwrap_or_default().iter().enumerate() {
            self.sessions(word)?;
            if self.by_score && word.word.role == Role::Optional {
                let mut having = self.none();
                self.scratch.hits.iter().for_each(|&(ordinal, _)| having.insert(ordinal));
                match &mut self.complete {
                    Some(complete) => complete.and(&having),
                    none => *none = Some(having),
                }
            }
            let Scratch { sums, hits, joined, .. } = &mut *self.scratch;
            if to_sums && word.word.is_scored() {
                hits.iter().for_each(|&(ordinal, score)| sums.add(ordinal, score));
            }
            // With several segments they are not in order. Stable, because it finds the segments' own order.
            if many && !hits.is_sorted_by_key(|(ordinal, _)| *ordinal) {
                hits.sort_by_key(|(ordinal, _)| *ordinal);
            }
            if number == 0 {
                scores.append(hits);
                continue;
            }
            if all {
                intersect(&scores, hits, joined)
            } else {
                join(&scores, hits, joined)
            }
            std::mem::swap(&mut scores, joined);
        }
        Ok(scores)
    }

    /// The sessions that have a word, each once, with the score of its best entry: into `hits`.
    fn sessions(&mut self, word: &Weighed<'_>) -> Result<(), Damaged> {
        let Scratch { space, best, entries, hits, .. } = &mut *self.scratch;
        let index = self.index;
        hits.clear();
        // Metadata alone: a session has one live entry of it.
        let fields = word.word.lists.iter().map(|list| list.field);
        let mut fields = fields.chain(word.word.phrases.iter().map(|phrase| phrase.field));
        let single = fields.all(|field| index.schema.group_of(field) == 0);
        best.reserve(index.sessions.len());
        for (at, attached) in index.segments.iter().enumerate() {
            let Some(core) = attached.segment.core() else { continue };
            for (number, group) in core.groups.iter().enumerate().filter(|(_, group)| group.length > 0) {
                entries.clear();
                let done = index.entry_scores(word, at, number, space, entries);
                done.map_err(|damage| damaged(attached.segment.number, damage))?;
                if !single {
                    for &(entry, score) in entries.iter() {
                        best.raise(attached.ordinal(group.session(entry)), score);
                    }
                } else if attached.is_base() && group.dense && hits.is_empty() {
                    std::mem::swap(hits, entries);
                } else {
                    let ordinal = |entry| attached.ordinal(group.session(entry));
                    hits.extend(entries.iter().map(|&(entry, score)| (ordinal(entry), score)));
                }
            }
        }
        best.drain_into(hits);
        Ok(())
    }

    fn keyword(&self, field: usize, values: &[String], all: bool) -> Result<Bits, Damaged> {
        let mut set = if all { self.index.sessions.alive.clone() } else { self.none() };
        for value in values {
            // The sets of values are joined in place; to cut, each is made on its own.
            let mut own = if all { self.none() } else { std::mem::take(&mut set) };
            for attached in &self.index.segments {
                let done = with_value(attached, field, value.as_bytes(), &mut own);
                done.map_err(|damage| damaged(attached.segment.number, damage))?;
            }
            if all { set.and(&own) } else { set = own }
        }
        Ok(set)
    }

    fn range(&self, field: usize, from: f64, to: f64) -> Bits {
        let mut set = self.none();
        for attached in &self.index.segments {
            let Some(column) = attached.segment.numbers(field) else { continue };
            let entries = column.between(from, to);
            let many = entries.len() > attached.segment.entries(0) as usize / 8;
            if let Some(set) = many.then(|| whole(attached, &mut set)).flatten() {
                set.or(&column.set_between(from, to));
            } else {
                insert(attached, 0, entries.iter().copied(), &mut set);
            }
        }
        set
    }

    fn exists(&self, field: usize) -> Bits {
        let mut set = self.none();
        let number = self.index.schema.group_of(field);
        for attached in &self.index.segments {
            let segment = &attached.segment;
            let Some(core) = segment.core() else { continue };
            let entries = 0..segment.entries(number);
            if let Some(column) = segment.keywords(field) {
                insert(attached, 0, entries.filter(|&entry| !column.values(entry).is_empty()), &mut set);
            } else if let Some(column) = segment.numbers(field) {
                insert(attached, 0, entries.filter(|&entry| !column.value(entry).is_nan()), &mut set);
            } else {
                insert(attached, number, entries.filter(|&entry| core.tokens(field, entry).is_some()), &mut set);
            }
        }
        set
    }
}

fn with_value(attached: &Attached, field: usize, value: &[u8], set: &mut Bits) -> Read<()> {
    let Some(column) = attached.segment.keywords(field) else { return Ok(()) };
    let (ordinal, found) = column.trie().find(value)?;
    if found {
        match (column.frequent(ordinal), whole(attached, set)) {
            (Some(bitmap), Some(set)) => set.or(bitmap),
            _ => insert(attached, 0, column.entries(ordinal).iter().copied(), set),
        }
    }
    Ok(())
}

/// The set, if sets of this segment's metadata are sets of sessions as they are.
fn whole<'s>(attached: &Attached, set: &'s mut Bits) -> Option<&'s mut Bits> {
    let dense = attached.segment.core()?.groups.first()?.dense;
    (dense && attached.is_base() && attached.dead(0).is_none()).then_some(set)
}

/// Adds the sessions of live entries.
#[inline(always)]
fn insert(attached: &Attached, number: usize, entries: impl Iterator<Item = u32>, set: &mut Bits) {
    let Some(group) = attached.segment.core().and_then(|core| core.groups.get(number)) else { return };
    match attached.dead(number) {
        None if attached.is_base() && group.dense => entries.for_each(|entry| set.insert(entry)),
        dead => {
            for entry in entries.filter(|&entry| dead.is_none_or(|dead| !dead.contains(entry))) {
                set.insert(attached.ordinal(group.session(entry)));
            }
        }
    }
}
