//! What of a session is indexed, and how: names, kinds, boosts and analysers of fields.
//!
//! The schema is stored with the index, and every segment bears its fingerprint: a segment that was made by another schema, or
//! by another version of an analyser, says something else and has to be built anew.

use super::analysis::{VERSION, Wanted};
use super::query::Word;
use crate::error::{Error, Result};
use crate::record::{Fields, Reader, Writer};
use twox_hash::XxHash64;

/// The most fields of a schema.
pub const FIELDS_MAX: usize = 64;

/// The least and the greatest boost.
pub const BOOSTS: std::ops::RangeInclusive<f32> = 0.001..=1000.0;

/// How text becomes terms: a name and a version. Another version makes other terms of the same text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analyser {
    /// Its name.
    pub name: String,
    /// Raised whenever it makes other terms of any text.
    pub version: u32,
}

/// Makes terms of text.
pub trait Analyse {
    /// Hands over each term with its position among the terms of this text, in ascending order of positions. What the analyser
    /// leaves out (a stop word) may leave a gap.
    fn terms(&self, analyser: &Analyser, text: &str, each: &mut dyn FnMut(&str, u32));

    /// What a word of a query looks for in text that was analysed so. Without a part it asks for nothing.
    fn wanted(&self, analyser: &Analyser, word: &Word) -> Wanted;
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// One text, compared exactly.
    Keyword,
    /// Any number of texts, compared exactly.
    Keywords,
    /// A number.
    Number,
    /// A moment, in milliseconds since 1970.
    Date,
    /// Words.
    Text {
        /// How they are found in the text.
        analyser: Analyser,
        /// What a match in this field counts for, 1 by default.
        boost: f32,
        /// Whether it is known where in the text they stand. Phrases need it; it takes about half of the index.
        positions: bool,
    },
}

/// A field of a session's metadata, or of the items of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in queries.
    pub name: String,
    /// The list whose items have it; none: the metadata has it.
    pub list: Option<String>,
    /// Where its values are: dotted paths, in the metadata or in the item.
    pub paths: Vec<String>,
    /// What it holds.
    pub kind: Kind,
}

impl Field {
    /// A field of the metadata, named like its path.
    pub fn metadata(path: &str, kind: Kind) -> Self {
        Self { name: path.into(), list: None, paths: vec![path.into()], kind }
    }

    /// A text of a list's items, named by list and path.
    pub fn item(list: &str, path: &str, kind: Kind) -> Self {
        Self { name: format!("{list}.{path}"), list: Some(list.into()), paths: vec![path.into()], kind }
    }
}

impl Kind {
    /// Its name in options and statistics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Keywords => "keyword[]",
            Self::Number => "number",
            Self::Date => "date",
            Self::Text { .. } => "text",
        }
    }

    /// Words, with a boost of 1 and positions.
    pub fn text(analyser: &Analyser) -> Self {
        Self::Text { analyser: analyser.clone(), boost: 1.0, positions: true }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }

    pub(super) fn is_keyword(&self) -> bool {
        matches!(self, Self::Keyword | Self::Keywords)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number | Self::Date)
    }
}

/// All fields. A field's number is its place here.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    fields: Vec<Field>,
    /// The lists that have fields; list n is entry group n + 1, the metadata is group 0.
    lists: Vec<String>,
}

impl Schema {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for two fields of one name, a field of items that is no text, or a boost outside [`BOOSTS`];
    /// [`Error::TooLarge`] above [`FIELDS_MAX`].
    pub fn new(fields: Vec<Field>) -> Result<Self> {
        if fields.len() > FIELDS_MAX {
            let (limit, got) = (FIELDS_MAX as u64, fields.len() as u64);
            return Err(Error::TooLarge { what: "the index".into(), limit, got, unit: "fields" }.into());
        }
        let mut lists: Vec<String> = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            let refuse = |problem| Err(Error::invalid(format!("index.fields.{}", field.name), problem));
            if fields.iter().take(number).any(|other| other.name == field.name) {
                return refuse("there are two fields of this name");
            }
            match (&field.kind, &field.list) {
                (Kind::Text { boost, .. }, _) if !BOOSTS.contains(boost) => {
                    return refuse("a boost lies between 0.001 and 1,000");
                }
                (Kind::Text { .. }, Some(list)) if !lists.contains(list) => lists.push(list.clone()),
                (Kind::Text { .. }, _) | (_, None) => {}
                (_, Some(_)) => return refuse("of items only text is indexed"),
            }
        }
        Ok(Self { fields, lists })
    }

    /// What is indexed unless something else is asked for: topics, tags, start, category, sub-category, status and title; the
    /// words of these, of notes and of the description; and the texts of notes, messages and a transcript in lists.
    pub fn standard() -> Self {
        Self::standard_with(&Analyser { name: "plain".into(), version: VERSION })
    }

    /// The standard fields, their text analysed so.
    pub(super) fn standard_with(analyser: &Analyser) -> Self {
        let boosted = Kind::Text { analyser: analyser.clone(), boost: 2.0, positions: true };
        let full = ["topics", "tags", "category", "subCategory", "notes", "description"].map(str::to_owned).to_vec();
        let mut fields = vec![
            Field::metadata("topics", Kind::Keywords),
            Field::metadata("tags", Kind::Keywords),
            Field::metadata("startedAt", Kind::Date),
            Field::metadata("category", Kind::Keyword),
            Field::metadata("subCategory", Kind::Keyword),
            Field::metadata("status", Kind::Keyword),
            Field::metadata("title", boosted),
            Field { name: "text".into(), list: None, paths: full, kind: Kind::text(analyser) },
        ];
        let lists = ["notes", "messages", "transcript"].map(str::to_owned).to_vec();
        fields.extend(lists.iter().map(|list| Field::item(list, "text", Kind::text(analyser))));
        Self { fields, lists }
    }

    /// The same with the analysers of this build; none if one of them is newer than this build, or unknown to it.
    pub fn renewed(&self) -> Option<Self> {
        let mut renewed = self.clone();
        for field in &mut renewed.fields {
            if let Kind::Text { analyser, .. } = &mut field.kind {
                let own = Analyser::named(&analyser.name).ok().filter(|own| own.version >= analyser.version)?;
                *analyser = own;
            }
        }
        Some(renewed)
    }

    /// The lists whose items have fields.
    pub fn lists(&self) -> &[String] {
        &self.lists
    }

    /// Whether items of this list have fields.
    pub fn has_list(&self, list: &str) -> bool {
        self.lists.iter().any(|name| name == list)
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The analysers of these fields, each once.
    pub(super) fn analysers(&self, fields: &[usize]) -> Vec<&Analyser> {
        let mut analysers = Vec::new();
        for field in fields.iter().filter_map(|&field| self.fields.get(field)) {
            if let Kind::Text { analyser, .. } = &field.kind
                && !analysers.contains(&analyser)
            {
                analysers.push(analyser);
            }
        }
        analysers
    }

    /// The numbers of these text fields, in their order; of all if there are none.
    pub(super) fn text_fields(&self, names: &[String]) -> Vec<usize> {
        let mut fields: Vec<usize> = Vec::new();
        for (number, field) in self.fields.iter().enumerate() {
            if field.kind.is_text() && (names.is_empty() || names.contains(&field.name)) {
                fields.push(number);
            }
        }
        fields
    }

    /// The number of a field.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// A value that is another one for another schema.
    pub fn fingerprint(&self) -> u64 {
        let mut out = Writer::default();
        self.write(&mut out);
        XxHash64::oneshot(0, &out.into_bytes())
    }

    /// How many entry groups there are: the metadata, and each list that has fields.
    pub(super) fn groups(&self) -> usize {
        self.lists.len() + 1
    }

    /// The entry group of a list's items, or of metadata.
    pub(super) fn group(&self, list: Option<&str>) -> Option<usize> {
        match list {
            None => Some(0),
            Some(list) => self.lists.iter().position(|name| name == list).map(|at| at + 1),
        }
    }

    /// The list of an entry group; none for metadata.
    pub(super) fn list(&self, group: usize) -> Option<&str> {
        self.lists.get(group.checked_sub(1)?).map(String::as_str)
    }

    /// The entry group that a field is of.
    #[inline(always)]
    pub(super) fn group_of(&self, field: usize) -> usize {
        match self.fields.get(field).map(|field| &field.list) {
            Some(Some(list)) => self.group(Some(list)).unwrap_or(0),
            _ => 0,
        }
    }

    /// A text field's boost.
    pub(super) fn boost(&self, field: usize) -> f32 {
        match self.fields.get(field).map(|field| &field.kind) {
            Some(Kind::Text { boost, .. }) => *boost,
            _ => 1.0,
        }
    }

    /// Whether positions are kept of a field.
    pub(super) fn has_positions(&self, field: usize) -> bool {
        matches!(self.fields.get(field).map(|field| &field.kind), Some(Kind::Text { positions: true, .. }))
    }
}

impl Fields for Field {
    fn write(&self, out: &mut Writer) {
        out.bytes(self.name.as_bytes());
        out.bytes(self.list.as_deref().unwrap_or_default().as_bytes());
        out.number(self.paths.len() as u64);
        for path in &self.paths {
            out.bytes(path.as_bytes());
        }
        match &self.kind {
            Kind::Keyword => out.number(0),
            Kind::Keywords => out.number(1),
            Kind::Number => out.number(2),
            Kind::Date => out.number(3),
            Kind::Text { analyser, boost, positions } => {
                out.number(4);
                out.bytes(analyser.name.as_bytes());
                out.number(analyser.version.into());
                out.fixed(&boost.to_le_bytes());
                out.number((*positions).into());
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let name = from.text();
        let list = Some(from.text()).filter(|list| !list.is_empty());
        let mut paths = Vec::new();
        for _ in 0..from.number() {
            paths.push(from.text());
            if from.rest().is_none() {
                break;
            }
        }
        let kind = match from.number() {
            0 => Kind::Keyword,
            1 => Kind::Keywords,
            2 => Kind::Number,
            3 => Kind::Date,
            4 => Kind::Text {
                analyser: Analyser { name: from.text(), version: from.small() },
                boost: f32::from_le_bytes(from.fixed()),
                positions: from.flag(),
            },
            _ => {
                from.fail();
                Kind::Keyword
            }
        };
        Self { name, list, paths, kind }
    }
}

impl Fields for Schema {
    fn write(&self, out: &mut Writer) {
        out.many(&self.fields);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self::new(from.many()).unwrap_or_else(|_| {
            from.fail();
            Self { fields: Vec::new(), lists: Vec::new() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyser() -> Analyser {
        Analyser { name: "plain".into(), version: 1 }
    }

    #[test]
    fn a_schema_is_read_as_written_and_another_version_of_an_analyser_is_another_schema() {
        let mut schema = Schema::standard();
        schema =
            Schema::new([schema.fields, vec![Field::item("log", "text", Kind::text(&analyser()))]].concat()).unwrap();
        let mut out = Writer::default();
        schema.write(&mut out);
        let bytes = out.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(Schema::read(&mut reader), schema);
        assert!(reader.ended());
        for length in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..length]);
            Schema::read(&mut reader);
            assert!(!reader.ended(), "{length}");
        }
        let newer = Schema::standard_with(&Analyser { version: VERSION + 1, ..analyser() });
        assert_ne!(newer.fingerprint(), Schema::standard().fingerprint());
        assert_eq!((schema.groups(), schema.group(Some("log")), schema.list(2)), (5, Some(4), Some("messages")));
    }

    #[test]
    fn what_cannot_be_indexed_is_refused() {
        let boosted = |boost| Kind::Text { analyser: analyser(), boost, positions: true };
        for fields in [
            vec![Field::metadata("a", Kind::Number), Field::metadata("a", Kind::Keyword)],
            vec![Field::item("messages", "at", Kind::Date)],
            vec![Field::metadata("a", boosted(0.0))],
            vec![Field::metadata("a", boosted(f32::NAN))],
        ] {
            assert_eq!(Schema::new(fields).unwrap_err().code(), "InvalidArgument");
        }
        let many = (0..65).map(|n| Field::metadata(&n.to_string(), Kind::Number)).collect();
        assert_eq!(Schema::new(many).unwrap_err().code(), "TooLarge");
    }
}
