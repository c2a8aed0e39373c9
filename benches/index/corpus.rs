//! Documents to search in, read from this machine.

use hoardb::index::{Analyser, Entry, Field, Kind, Schema, Value};
use hoardb::session::Id;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A text to index.
#[derive(Debug, Default, Clone)]
pub struct Document {
    pub id: String,
    pub title: String,
    pub body: String,
    pub section: String,
    pub priority: String,
    pub tags: Vec<String>,
    pub size: f64,
}

pub fn schema(positions: bool) -> Schema {
    let analyser = Analyser::named("plain").expect("an analyser");
    let text = |boost| Kind::Text { analyser: analyser.clone(), boost, positions };
    Schema::new(vec![
        Field::metadata("title", text(2.0)),
        Field::metadata("body", text(1.0)),
        Field::metadata("section", Kind::Keyword),
        Field::metadata("priority", Kind::Keyword),
        Field::metadata("tags", Kind::Keywords),
        Field::metadata("size", Kind::Number),
    ])
    .expect("a schema")
}

pub fn entries(schema: &Schema, documents: &[Document]) -> Vec<Entry> {
    let number = |name| schema.number(name).expect("a field");
    let entry = |document: &Document| Entry {
        session: Id::new(document.id.as_str()).expect("an id"),
        at: None,
        values: vec![
            (number("title"), Value::Text(vec![document.title.clone()])),
            (number("body"), Value::Text(vec![document.body.clone()])),
            (number("section"), Value::Keywords(vec![document.section.clone()])),
            (number("priority"), Value::Keywords(vec![document.priority.clone()])),
            (number("tags"), Value::Keywords(document.tags.clone())),
            (number("size"), Value::Number(document.size)),
        ],
    };
    documents.iter().map(entry).collect()
}

/// Packages, or where there are none, pieces of documentation. In an order of their own, so that the first so many of them are
/// of all kinds.
pub fn documents() -> Vec<Document> {
    let mut documents = packages();
    if documents.is_empty() {
        documents = pieces(Path::new("/usr/share/doc"));
    }
    fastrand::Rng::with_seed(1).shuffle(&mut documents);
    documents
}

fn packages() -> Vec<Document> {
    let Ok(output) = Command::new("apt-cache").arg("dumpavail").output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut seen = HashSet::new();
    let mut documents: Vec<Document> = text.split("\n\n").filter_map(package).collect();
    documents.retain(|document| seen.insert(document.id.clone()));
    documents
}

fn package(stanza: &str) -> Option<Document> {
    let mut document = Document::default();
    for line in stanza.replace("\n ", " ").lines() {
        let (name, value) = line.split_once(": ")?;
        match name {
            "Package" => (document.id, document.title) = (value.into(), value.into()),
            "Description" | "Description-en" => document.body.insert_str(0, &format!("{value}\n")),
            "Depends" | "Recommends" => document.body.push_str(value),
            "Tag" => document.tags = value.split(", ").map(str::to_owned).collect(),
            "Section" => document.section = value.into(),
            "Priority" => document.priority = value.into(),
            "Size" => document.size = value.parse().ok()?,
            _ => {}
        }
    }
    (!document.id.is_empty()).then_some(document)
}

/// Paragraphs of text files.
fn pieces(folder: &Path) -> Vec<Document> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            documents.extend(pieces(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            for (n, body) in text.split("\n\n").filter(|piece| piece.len() > 100).enumerate() {
                let title = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let id = format!("{:.400}#{n}", path.display());
                documents.push(Document { id, title, body: body.into(), ..Document::default() });
            }
        }
    }
    documents
}
