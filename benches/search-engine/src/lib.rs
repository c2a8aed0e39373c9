//! The engine's search without the way to it: no worker, no messages, no store. An index in memory, made of the texts that the
//! store would keep and asked with the requests that it would get.
#![cfg(target_arch = "wasm32")]
#![deny(missing_docs)]

use hoardb::index::{Analysers, Answer, Entry, Found, Index, PartId, Schema, Search, build, metadata_entry, request};
use hoardb::session::Id;
use wasm_bindgen::prelude::*;

const SEGMENT: u64 = 1;

/// An index in memory.
#[wasm_bindgen]
pub struct MemoryIndex {
    schema: Schema,
    index: Index,
    bytes: usize,
    entries: Vec<Entry>,
    requests: Vec<Search>,
    found: Found,
}

#[wasm_bindgen]
impl MemoryIndex {
    /// An empty index; the options are those of `openHoard`, as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Result<Self, JsError> {
        let schema = Schema::from_options(options)?.ok_or_else(|| JsError::new("nothing is indexed"))?;
        let index = Index::new(schema.clone());
        Ok(Self { schema, index, bytes: 0, entries: Vec::new(), requests: Vec::new(), found: Found::default() })
    }

    /// Reads documents, of which the next [`MemoryIndex::build`] is made. A line each: the ids, and the documents as JSON.
    pub fn read(&mut self, ids: &str, documents: &str) -> Result<(), JsError> {
        self.entries.clear();
        for (id, document) in ids.lines().zip(documents.lines()) {
            self.entries.extend(metadata_entry(&self.schema, &Id::new(id)?, document.as_bytes()));
        }
        Ok(())
    }

    /// Indexes what was read and nothing else, and gets ready to be asked.
    pub fn build(&mut self) -> Result<(), JsError> {
        let mut parts = build(SEGMENT, &self.schema, &Analysers, &self.entries, &[])?;
        self.bytes = parts.iter().map(|part| part.bytes.len()).sum();
        self.index = Index::new(self.schema.clone());
        let head = parts.pop().ok_or_else(|| JsError::new("a segment without parts"))?;
        self.index.add(SEGMENT, head.bytes).map_err(|damaged| JsError::new(&damaged.problem))?;
        for part in parts {
            let id = PartId { segment: SEGMENT, part: part.number };
            self.index.load(id, part.bytes).map_err(|damaged| JsError::new(&damaged.problem))?;
        }
        let number = self.prepare(r#"{"limit":0}"#)?;
        self.search(number)?;
        self.requests.pop();
        Ok(())
    }

    /// Bytes of the index before they are compressed for the store.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads a request, the JSON that the engine gets, and keeps it: the number under which it is asked.
    pub fn prepare(&mut self, asked: &str) -> Result<usize, JsError> {
        self.requests.push(request(asked, &self.schema)?.search);
        Ok(self.requests.len() - 1)
    }

    /// Answers a request that was prepared, and keeps the answer: how many hits it has.
    pub fn search(&mut self, number: usize) -> Result<usize, JsError> {
        let search = self.requests.get(number).ok_or_else(|| JsError::new("no such request"))?;
        match self.index.search(search, &Analysers)? {
            Answer::Found(found) => self.found = found,
            Answer::Needs(_) => return Err(JsError::new("parts are missing")),
            Answer::Damaged(damaged) => return Err(JsError::new(&damaged.problem)),
        }
        Ok(self.found.hits.len())
    }

    /// The ids of the last answer's hits, a line each.
    pub fn ids(&self) -> String {
        self.found.hits.iter().map(|hit| &*hit.session).collect::<Vec<_>>().join("\n")
    }
}
