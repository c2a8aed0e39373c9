//! Where parts are kept between queries.

use hoardb::index::{Analysers, Answer, Found, Index, Merge, Part, PartId, Search, Suggest, Suggestion, Work};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Shelf {
    parts: BTreeMap<PartId, Vec<u8>>,
    /// Parts that were read.
    pub reads: usize,
}

impl Shelf {
    /// Keeps the parts of a segment; returns part 0.
    pub fn put(&mut self, segment: u64, parts: Vec<Part>) -> Vec<u8> {
        for part in parts {
            self.parts.insert(PartId { segment, part: part.number }, part.bytes);
        }
        self.part(segment, 0)
    }

    pub fn part(&self, segment: u64, part: u32) -> Vec<u8> {
        self.parts[&PartId { segment, part }].clone()
    }

    pub fn parts(&mut self) -> &mut BTreeMap<PartId, Vec<u8>> {
        &mut self.parts
    }

    pub fn segments(&self) -> Vec<u64> {
        self.parts.keys().filter(|id| id.part == 0).map(|id| id.segment).collect()
    }

    pub fn load(&mut self, index: &mut Index, needs: Vec<PartId>) {
        assert!(!needs.is_empty());
        for id in needs {
            self.reads += 1;
            index.load(id, self.parts[&id].clone()).unwrap();
        }
    }

    pub fn search(&mut self, index: &mut Index, search: &Search) -> Found {
        for _ in 0..5 {
            match index.search(search, &Analysers).unwrap() {
                Answer::Found(found) => return found,
                Answer::Needs(needs) => self.load(index, needs),
                Answer::Damaged(damaged) => panic!("{damaged:?}"),
            }
        }
        panic!("parts are asked for again and again")
    }

    pub fn suggest(&mut self, index: &mut Index, suggest: &Suggest) -> Vec<Suggestion> {
        for _ in 0..20 {
            match index.suggest(suggest).unwrap() {
                Answer::Found(found) => return found,
                Answer::Needs(needs) => self.load(index, needs),
                Answer::Damaged(damaged) => panic!("{damaged:?}"),
            }
        }
        panic!("parts are asked for again and again")
    }

    /// Merges segments into a new one; returns in how many steps.
    pub fn merge(&mut self, index: &mut Index, choice: Vec<u64>, into: u64) -> usize {
        let mut merge = Merge::new(choice.clone());
        for steps in 1_usize.. {
            match merge.step(index).unwrap() {
                Work::Needs(needs) => self.load(index, needs),
                Work::Running(_) => {
                    for part in merge.take_parts() {
                        self.parts.insert(PartId { segment: into, part: part.number }, part.bytes);
                    }
                    if steps.is_multiple_of(3) {
                        index.shed();
                    }
                }
                Work::Done(parts) => {
                    let head = self.put(into, parts.unwrap());
                    index.replace(&choice, into, head).unwrap();
                    self.parts.retain(|id, _| !choice.contains(&id.segment));
                    return steps;
                }
            }
        }
        unreachable!()
    }
}
