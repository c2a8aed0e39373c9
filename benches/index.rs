//! The search index on real text: Debian's package lists, as `apt-cache` has them here, or the texts under /usr/share/doc.
//!
//! A document is a package: its name is the title, its description with tags and dependencies the body. Queries ask both.
//! `HOARDB_DOCUMENTS=10000` measures one size alone.

#[cfg(not(target_arch = "wasm32"))]
#[path = "index/corpus.rs"]
mod corpus;

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    native::bench(&mut criterion);
    criterion.final_summary();
}

// Checked for both targets; there is no criterion for the browser's.
#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::corpus::{Document, documents, entries, schema};
    use criterion::{BatchSize, Criterion};
    use hoardb::index::{
        Analysers, Answer, Entry, Index, Matching, Merge, Order, Part, PartId, Query, Scope, Search, Text, Tombstone,
        Word, Work, build,
    };
    use hoardb::record::deflate;
    use std::hint::black_box;

    const SIZES: [usize; 3] = [1000, 10_000, 50_000];

    pub fn bench(criterion: &mut Criterion) {
        let documents = documents();
        let sizes = match std::env::var("HOARDB_DOCUMENTS").ok().and_then(|text| text.parse().ok()) {
            Some(size) => vec![size],
            None => SIZES.to_vec(),
        };
        for size in sizes {
            let Some(documents) = documents.get(..size) else {
                println!("there are no {size} documents here");
                continue;
            };
            bytes(documents);
            build_and_add(criterion, documents);
            queries(criterion, documents);
        }
    }

    fn bytes(documents: &[Document]) {
        for positions in [true, false] {
            let schema = schema(positions);
            let parts = build(1, &schema, &Analysers, &entries(&schema, documents), &[]).expect("documents that fit");
            let raw: usize = parts.iter().map(|part| part.bytes.len()).sum();
            let packed = |part: &Part| deflate(&part.bytes).map_or(part.bytes.len(), |deflated| deflated.len());
            let deflated: usize = parts.iter().map(packed).sum();
            let with = if positions { "with" } else { "without" };
            let index = opened(1, parts.clone(), positions);
            println!(
                "{} documents {with} positions: {raw} bytes, {deflated} deflated, {} parts, {} of memory",
                documents.len(),
                parts.len(),
                index.memory()
            );
        }
    }

    /// An index with everything loaded.
    fn opened(number: u64, parts: Vec<Part>, positions: bool) -> Index {
        let mut index = Index::new(schema(positions));
        add(&mut index, number, parts);
        index
    }

    fn add(index: &mut Index, number: u64, mut parts: Vec<Part>) {
        let head = parts.pop().expect("a part 0");
        index.add(number, head.bytes).expect("a part 0");
        for part in parts {
            index.load(PartId { segment: number, part: part.number }, part.bytes).expect("a part");
        }
    }

    fn build_and_add(criterion: &mut Criterion, documents: &[Document]) {
        let schema = schema(true);
        let all = entries(&schema, documents);
        let mut group = criterion.benchmark_group(format!("{} documents", documents.len()));
        group.sample_size(10);
        for positions in [true, false] {
            let schema = super::corpus::schema(positions);
            let with = if positions { "with" } else { "without" };
            group.bench_function(format!("build {with} positions"), |bencher| {
                bencher.iter(|| build(1, &schema, &Analysers, black_box(&all), &[]));
            });
        }
        let parts = build(1, &schema, &Analysers, &all, &[]).expect("documents that fit");
        group.bench_function("open and answer first", |bencher| {
            bencher.iter_batched(
                || parts.clone(),
                |parts| search(&mut opened(1, parts, true), &word("network", Matching::Exact)),
                BatchSize::LargeInput,
            );
        });
        group.bench_function("add one document", |bencher| {
            let mut index = opened(1, parts.clone(), true);
            search(&mut index, &word("network", Matching::Exact));
            let mut number = 1;
            bencher.iter(|| {
                number += 1;
                let at = number as usize * 7 % all.len();
                let entry = &all[at..=at];
                let grave = Tombstone { session: entry[0].session.clone(), scope: Scope::Metadata };
                let parts = build(number, &schema, &Analysers, entry, &[grave]).expect("a document that fits");
                add(&mut index, number, parts);
                // The entry counts from here on.
                search(&mut index, &Search { query: Query::Or(vec![]), ..word("", Matching::Exact) });
                if number.is_multiple_of(8) {
                    let numbers: Vec<u64> = index.figures().segments.iter().skip(1).map(|of| of.number).collect();
                    index.remove(&numbers);
                }
            });
        });
        let half: Vec<Vec<Part>> = (1..)
            .zip(all.chunks(all.len() / 8))
            .map(|(number, entries): (u64, &[Entry])| {
                build(number, &schema, &Analysers, entries, &[]).expect("documents")
            })
            .collect();
        group.bench_function("merge 8 segments", |bencher| {
            bencher.iter_batched(
                || {
                    let mut index = Index::new(schema.clone());
                    (1..).zip(half.clone()).for_each(|(number, parts)| add(&mut index, number, parts));
                    index
                },
                |mut index| {
                    let mut merge = Merge::new((1..=8).collect());
                    while !matches!(merge.step(&mut index), Ok(Work::Done(_))) {
                        black_box(merge.take_parts());
                    }
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }

    fn word(text: &str, how: Matching) -> Search {
        words(&[(text, how)])
    }

    fn words(words: &[(&str, Matching)]) -> Search {
        let words = words.iter().map(|(text, how)| Word { text: (*text).into(), how: *how }).collect();
        let query = Query::Text(Text { words, all: true, fields: vec![] });
        Search { query, order: Order::Relevance, limit: 20, offset: 0, facets: vec![] }
    }

    fn search(index: &mut Index, search: &Search) -> u64 {
        match index.search(search, &Analysers) {
            Ok(Answer::Found(found)) => found.total,
            other => panic!("{other:?}"),
        }
    }

    fn queries(criterion: &mut Criterion, documents: &[Document]) {
        let schema = schema(true);
        let all = entries(&schema, documents);
        let mut index = opened(1, build(1, &schema, &Analysers, &all, &[]).expect("documents that fit"), true);
        let keyword = |field: &str, values: &[&str]| Query::Keyword {
            field: field.into(),
            values: values.iter().map(|&value| value.into()).collect(),
            all: false,
        };
        let filters = vec![
            keyword("section", &["libs", "net", "admin", "utils"]),
            keyword("priority", &["optional"]),
            Query::Range { field: "size".into(), from: Some(10_000.0), to: Some(1_000_000.0) },
            Query::Not(Box::new(keyword("tags", &["role::shared-lib"]))),
        ];
        let filtered = |query: Query| Query::And([vec![query], filters.clone()].concat());
        let plain = |query: Query| Search { query, ..words(&[]) };
        let by_size = Order::Field { name: "size".into(), reverse: true };
        let facets = ["section", "tags"].map(|field| (field.to_owned(), 20)).to_vec();
        let library = word("library", Matching::Exact);
        let cases = [
            ("one term", word("network", Matching::Exact)),
            ("one rare term", word("telescope", Matching::Exact)),
            ("one frequent term", library.clone()),
            ("one term in one field", Search { query: in_body("network"), ..word("", Matching::Exact) }),
            ("two terms", words(&[("network", Matching::Exact), ("server", Matching::Exact)])),
            ("two terms, one frequent", words(&[("network", Matching::Exact), ("library", Matching::Exact)])),
            ("prefix of 3", word("net", Matching::Prefix)),
            ("prefix of 1", word("n", Matching::Prefix)),
            ("fuzzy 1", word("netwrok", Matching::Fuzzy(1))),
            ("fuzzy 2", word("netwrok", Matching::Fuzzy(2))),
            ("phrase", word("shared library", Matching::Phrase)),
            ("four filters", plain(Query::And(filters.clone()))),
            ("a term and four filters", Search { query: filtered(library.query.clone()), ..library.clone() }),
            ("everything by number", Search { order: by_size, ..plain(Query::All) }),
            ("a term with facets", Search { facets, ..library }),
        ];
        let mut group = criterion.benchmark_group(format!("{} documents", documents.len()));
        for (name, asked) in cases {
            println!("{name}: {} found", search(&mut index, &asked));
            group.bench_function(name, |bencher| bencher.iter(|| search(&mut index, black_box(&asked))));
        }
        // The same with what a day of changes leaves.
        for number in 2..12 {
            let at = number as usize * 13;
            let grave = |entry: &Entry| Tombstone { session: entry.session.clone(), scope: Scope::Metadata };
            let entries = &all[at..at + 3];
            let graves: Vec<Tombstone> = entries.iter().map(grave).collect();
            add(&mut index, number, build(number, &schema, &Analysers, entries, &graves).expect("documents that fit"));
        }
        let asked = word("network", Matching::Exact);
        group.bench_function("one term, ten deltas", |bencher| bencher.iter(|| search(&mut index, black_box(&asked))));
        group.finish();
    }

    fn in_body(text: &str) -> Query {
        let words = vec![Word { text: text.into(), how: Matching::Exact }];
        Query::Text(Text { words, all: true, fields: vec!["body".into()] })
    }
}
