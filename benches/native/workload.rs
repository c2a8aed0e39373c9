//! What is stored: items of about 300 bytes and metadata of about 2 KB, with prose in them.

use fastrand::Rng;
use hoardb::host::Host;
use hoardb::session::Item;
use hoardb::store::{Document, Documents};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// Items of a full chunk.
pub const CHUNK_ITEMS: usize = 50;

/// A clock that stands still, and randomness from a seed.
pub struct Still(RefCell<Rng>);

impl Still {
    pub fn new() -> Self {
        Self(RefCell::new(Rng::with_seed(1)))
    }
}

impl Host for Still {
    fn now_ms(&self) -> u64 {
        1_704_704_400_000
    }

    fn random(&self) -> u128 {
        self.0.borrow_mut().u128(..)
    }
}

/// Makes items and metadata out of this repository's own documentation.
pub struct Workload {
    words: Vec<String>,
    random: Rng,
}

impl Workload {
    pub fn new() -> Self {
        let words: Vec<String> = documentation().split_whitespace().map(str::to_owned).collect();
        assert!(words.len() > 2000, "{} words of documentation are too few", words.len());
        Self { words, random: Rng::with_seed(20_240_108) }
    }

    /// Consecutive words of the documentation, at least this many bytes.
    fn prose(&mut self, bytes: usize) -> String {
        let start = self.random.usize(..self.words.len());
        let mut text = String::new();
        for word in self.words.iter().cycle().skip(start) {
            text.push_str(word);
            if text.len() >= bytes {
                break;
            }
            text.push(' ');
        }
        text
    }

    pub fn item(&mut self) -> Vec<u8> {
        let kinds = ["screenshot", "click", "scroll", "key", "note", "navigate"];
        let apps = ["Firefox", "Code", "Terminal", "Slack", "Figma", "Mail"];
        let item = serde_json::json!({
            "at": 1_704_704_400_000_u64 + self.random.u64(..4_000_000),
            "kind": self.random.choice(kinds),
            "app": self.random.choice(apps),
            "window": self.prose(34),
            "url": format!("https://example.org/{}?v={}", self.prose(16).replace(' ', "-"), self.random.u32(1000..99999)),
            "text": self.prose(96),
            "x": self.random.u32(..1280),
            "y": self.random.u32(..800),
            "idle": f64::from(self.random.u32(..10_000)) / 10_000.0,
        });
        item.to_string().into_bytes()
    }

    pub fn metadata(&mut self, id: &str) -> Vec<u8> {
        let metadata = serde_json::json!({
            "id": id,
            "title": self.prose(48),
            "startedAt": 1_704_704_400_000_u64 + self.random.u64(..4_000_000_000),
            "status": "done",
            "category": self.prose(8),
            "topics": [self.prose(12), self.prose(12), self.prose(12)],
            "tags": [self.prose(7), self.prose(7), self.prose(7), self.prose(7)],
            "summary": self.prose(1600),
        });
        metadata.to_string().into_bytes()
    }

    pub fn chunk_items(&mut self) -> Vec<Item> {
        (0..CHUNK_ITEMS).map(|_| Item { json: self.item(), references: Vec::new() }).collect()
    }

    /// A session's metadata and one full chunk of items, as a caller hands them in.
    pub fn session(&mut self, id: &str) -> (Document, Documents) {
        let mut items = Documents::default();
        for _ in 0..CHUNK_ITEMS {
            let item = self.item();
            items.lengths.push(item.len() as u32);
            items.json.extend(item);
        }
        (Document { json: self.metadata(id), attachments: Vec::new() }, items)
    }

    pub fn noise(&mut self, bytes: usize) -> Vec<u8> {
        let mut noise = vec![0; bytes];
        self.random.fill(&mut noise);
        noise
    }
}

/// The prose of this repository: its pages, and the documentation comments of the sources.
fn documentation() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["docs", "src"] {
        collect(&root.join(folder), &mut paths);
    }
    paths.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)));
    paths.sort();
    let mut text = String::new();
    for path in paths {
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        for line in fs::read_to_string(&path).unwrap_or_default().lines() {
            let line = line.trim_start();
            let prose = if is_rust {
                line.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']))
            } else {
                Some(line)
            };
            if let Some(prose) = prose.filter(|prose| !prose.starts_with('|')) {
                text.push_str(prose);
                text.push(' ');
            }
        }
    }
    text
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            paths.push(path);
        }
    }
}
