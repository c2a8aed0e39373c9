//! The analysers of [`analysis`](super::analysis), by the name and version that the index keeps.

use super::analysis::{self, VERSION, Wanted};
use super::query::Word;
use super::schema::{Analyse, Analyser, Kind, Schema};
use crate::error::Result;

/// Makes terms by the analysers that this build has. One that it does not have is taken for the plain one; a schema with
/// such an analyser is not [known](Analysers::know).
#[derive(Debug, Clone, Copy, Default)]
pub struct Analysers;

impl Analyse for Analysers {
    fn terms(&self, analyser: &Analyser, text: &str, each: &mut dyn FnMut(&str, u32)) {
        of(analyser).analyse(text, &mut |token| each(token.term, token.position));
    }

    fn wanted(&self, analyser: &Analyser, word: &Word) -> Wanted {
        of(analyser).wanted(word)
    }
}

pub(super) fn of(analyser: &Analyser) -> analysis::Analyser {
    analysis::Analyser::named(&analyser.name).unwrap_or(analysis::Analyser::PLAIN)
}

impl Analyser {
    /// The analyser of this name as this build has it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if it has none of this name.
    pub fn named(name: &str) -> Result<Self> {
        analysis::Analyser::named(name).map(|analyser| Self { name: analyser.name(), version: VERSION })
    }
}

impl Analysers {
    /// Whether this build has all analysers of a schema, in the same version. If not, what is indexed has to be indexed anew.
    pub fn know(schema: &Schema) -> bool {
        schema.fields().iter().all(|field| match &field.kind {
            Kind::Text { analyser, .. } => {
                analyser.version == VERSION && analysis::Analyser::named(&analyser.name).is_ok()
            }
            _ => true,
        })
    }
}
