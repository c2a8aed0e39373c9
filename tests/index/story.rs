//! What happens to an index, by chance.

use super::model::{At, Model};
use super::questions::{TOPICS, ask};
use super::shelf::Shelf;
use super::suggestions;
use super::words::{schema, text};
use hoardb::index::{Analysers, Check, Entry, Findings, Index, Scope, Tombstone, Value, Work, build, choose};
use hoardb::session::{Id, ListName};
use std::collections::BTreeSet;

pub struct Story {
    pub random: fastrand::Rng,
    pub index: Index,
    pub model: Model,
    pub shelf: Shelf,
    /// Segments and stamps are numbered on.
    number: u64,
    sessions: u32,
}

impl Story {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Now and then enough sessions for lists of more than a block.
        let sessions = if random.u8(..16) == 0 { random.u32(200..400) } else { random.u32(1..20) };
        Self {
            random,
            index: Index::new(schema().clone()),
            model: Model::default(),
            shelf: Shelf::default(),
            number: 0,
            sessions,
        }
    }

    fn id(&mut self) -> String {
        let n = self.random.u32(..self.sessions);
        if n.is_multiple_of(3) { format!("{n:08x}-0000-4000-8000-000000000000") } else { format!("s{n}") }
    }

    fn at(&mut self) -> At {
        let list = ["messages", "log"][self.random.usize(..2)];
        (self.random.u8(..3) > 0).then(|| (list.into(), self.random.u64(..6)))
    }

    fn texts(&mut self) -> Value {
        let texts = if self.random.u8(..6) == 0 { self.random.usize(..3) } else { 1 };
        Value::Text((0..texts).map(|_| text(&mut self.random)).collect())
    }

    fn entry(&mut self, session: &str, at: &At) -> Entry {
        let schema = schema();
        let mut values = Vec::new();
        for (number, field) in schema.fields().iter().enumerate() {
            if field.list.as_deref() != at.as_ref().map(|(list, _)| list.as_str()) || self.random.u8(..4) == 0 {
                continue;
            }
            let random = &mut self.random;
            let value = match field.name.as_str() {
                "topics" => {
                    let topics = (0..random.usize(..4)).map(|_| TOPICS[random.usize(..TOPICS.len())].into());
                    Value::Keywords(topics.collect())
                }
                "status" => Value::Keywords(vec![TOPICS[random.usize(..3)].into()]),
                "n" => Value::Number(f64::from(random.i32(-6..6)) / 2.0),
                "at" => Value::Number(f64::from(random.i32(-3..3))),
                _ => self.texts(),
            };
            values.push((number, value));
        }
        let at = at.as_ref().map(|(list, index)| (ListName::new(list.as_str()).unwrap(), *index));
        Entry { session: Id::new(session).unwrap(), at, values }
    }

    /// A transaction: sessions are deleted, entries are made, replaced and removed.
    pub fn write(&mut self) {
        let mut tombstones = Vec::new();
        let most = if self.sessions > 100 { 300 } else { 6 };
        if self.random.u8(..3) == 0 {
            let id = self.id();
            tombstones.push(Tombstone { session: Id::new(id.as_str()).unwrap(), scope: Scope::All });
            self.model.entries.retain(|(session, _), _| *session != id);
        }
        let mut keys: BTreeSet<(String, At)> = BTreeSet::new();
        for _ in 0..self.random.usize(..most) {
            keys.insert((self.id(), self.at()));
        }
        let mut entries = Vec::new();
        for (id, at) in keys {
            // What was not there may have a tombstone all the same.
            if self.model.entries.remove(&(id.clone(), at.clone())).is_some() || self.random.bool() {
                let scope = at.as_ref().map_or(Scope::Metadata, |(list, index)| {
                    Scope::Item(ListName::new(list.as_str()).unwrap(), *index)
                });
                tombstones.push(Tombstone { session: Id::new(id.as_str()).unwrap(), scope });
            }
            if self.random.u8(..6) > 0 {
                let entry = self.entry(&id, &at);
                self.model.put(schema(), entry.clone());
                entries.push(entry);
            }
        }
        self.random.shuffle(&mut entries);
        self.number += 1;
        let parts = build(self.number, self.index.schema(), &Analysers, &entries, &tombstones).unwrap();
        let head = self.shelf.put(self.number, parts);
        self.index.add(self.number, head).unwrap();
    }

    pub fn merge(&mut self) {
        let segments = self.index.figures().segments;
        let choice = match choose(&segments) {
            Some(choice) if self.random.bool() => choice,
            _ if segments.is_empty() => return,
            _ => {
                let first = self.random.usize(..segments.len());
                let end = self.random.usize(first..segments.len());
                segments[first..=end].iter().map(|segment| segment.number).collect()
            }
        };
        self.number += 1;
        self.shelf.merge(&mut self.index, choice, self.number);
    }

    /// Opens the index anew from what is stored, in any order.
    pub fn reload(&mut self) {
        self.index = Index::new(schema().clone());
        let mut segments = self.shelf.segments();
        self.random.shuffle(&mut segments);
        for segment in segments {
            self.index.add(segment, self.shelf.part(segment, 0)).unwrap();
        }
    }

    fn check(&mut self) {
        let mut check = Check::new();
        loop {
            match check.step(&mut self.index).unwrap() {
                Work::Needs(needs) => self.shelf.load(&mut self.index, needs),
                Work::Running(_) => {}
                Work::Done(()) => break,
            }
        }
        let documents: Vec<Entry> = self.model.entries.values().map(|known| known.entry.clone()).collect();
        assert_eq!(check.expect(&self.index, &documents, &Analysers).unwrap(), Findings::Wrong(vec![]));
        assert_eq!(check.orphans(&self.index, 10), Findings::Wrong(vec![]));
        let figures = self.index.figures();
        assert_eq!(figures.entries, documents.len() as u64);
        assert_eq!(figures.sessions, self.model.sessions().len() as u64);
    }

    pub fn step(&mut self) {
        match self.random.u8(..16) {
            0..8 => self.write(),
            8 => self.merge(),
            9 => self.reload(),
            10 if self.random.bool() => self.check(),
            11 => self.index.shed(),
            12 => suggestions::ask(&mut self.random, &mut self.shelf, &mut self.index, &self.model),
            _ => ask(&mut self.random, &mut self.shelf, &mut self.index, &self.model),
        }
    }
}

pub fn play(seed: u64) {
    let mut story = Story::new(seed);
    for _ in 0..story.random.usize(10..60) {
        story.step();
    }
    ask(&mut story.random, &mut story.shelf, &mut story.index, &story.model);
    story.check();
}
