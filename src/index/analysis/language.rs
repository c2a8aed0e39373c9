//! Languages: their stop words and stemmers. Each is a feature, for each has its size (1 to 4 KB after brotli).
//!
//! The stemmers are Snowball's (`rust-stemmers`, MIT or BSD-3-Clause). They get folded words and only such as are made of the
//! letters of the language. Left out are those that live on what folding takes away: Turkish, Romanian, Arabic, Hungarian.
//!
//! The stop words are lists of this project's own, under its licence: articles, conjunctions, short prepositions and forms of "to
//! be", as they are folded. The English ones are the 33 that Lucene's classic analyser left out. They are short on purpose:
//! BM25 makes little of frequent words anyway, and what is left out cannot be found.

use super::fold::Folder;

macro_rules! languages {
    ($($feature:literal $name:ident $code:literal $letters:pat => [$($stop_word:literal),*])*) => {
        /// A language that this build knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Language {
            $(
                #[cfg(feature = $feature)]
                #[doc = concat!("`", $code, "`")]
                $name,
            )*
        }

        impl Language {
            /// All of them.
            pub const ALL: &[Self] = &[$(#[cfg(feature = $feature)] Self::$name,)*];

            /// The code of ISO 639-1.
            pub fn code(self) -> &'static str {
                match self {
                    $(#[cfg(feature = $feature)] Self::$name => $code,)*
                }
            }

            /// Sorted.
            fn stop_words(self) -> &'static [&'static str] {
                match self {
                    $(#[cfg(feature = $feature)] Self::$name => &[$($stop_word),*],)*
                }
            }

            /// Replaces a folded word by its stem.
            #[cfg_attr(not(feature = "stemming"), expect(unused_variables, reason = "no language stems"))]
            pub(super) fn stem(self, folder: &mut Folder) {
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        Self::$name => {
                            if folder.term().chars().all(|letter| matches!(letter, $letters)) {
                                let stem = rust_stemmers::Stemmer::create(rust_stemmers::Algorithm::$name).stem(folder.term()).into_owned();
                                folder.replace(&stem);
                            }
                        }
                    )*
                }
            }
        }
    };
}

languages! {
    "stem-en" English "en" 'a'..='z' => ["a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with"]
    "stem-de" German "de" 'a'..='z' => ["als", "am", "an", "auch", "auf", "aus", "bei", "das", "dass", "dem", "den", "der", "des", "die", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es", "fur", "im", "in", "ist", "mit", "nach", "nicht", "oder", "sich", "sie", "sind", "und", "von", "war", "wie", "wird", "zu", "zum", "zur"]
    "stem-fr" French "fr" 'a'..='z' => ["a", "au", "aux", "avec", "ce", "ces", "cette", "dans", "de", "des", "du", "elle", "en", "est", "et", "etait", "il", "ils", "la", "le", "les", "leur", "mais", "ne", "ou", "par", "pas", "pour", "qu", "que", "qui", "sa", "se", "ses", "son", "sont", "sur", "un", "une"]
    "stem-es" Spanish "es" 'a'..='z' => ["a", "al", "como", "con", "de", "del", "e", "el", "ella", "en", "es", "esta", "este", "la", "las", "le", "lo", "los", "mas", "no", "o", "para", "pero", "por", "que", "se", "ser", "si", "sin", "son", "su", "sus", "un", "una", "y"]
    "stem-it" Italian "it" 'a'..='z' => ["a", "ai", "al", "alla", "che", "chi", "come", "con", "da", "dal", "dalla", "dei", "del", "della", "delle", "di", "e", "ed", "era", "gli", "i", "il", "in", "la", "le", "lo", "ma", "nel", "nella", "non", "o", "per", "si", "sono", "su", "sul", "sulla", "un", "una", "uno"]
    "stem-pt" Portuguese "pt" 'a'..='z' => ["a", "ao", "aos", "as", "com", "como", "da", "das", "de", "do", "dos", "e", "em", "era", "essa", "esse", "esta", "este", "foi", "mais", "mas", "na", "nas", "no", "nos", "o", "os", "ou", "para", "pela", "pelo", "por", "que", "se", "sem", "ser", "sua", "um", "uma"]
    "stem-nl" Dutch "nl" 'a'..='z' => ["aan", "als", "bij", "dat", "de", "den", "der", "die", "dit", "door", "een", "en", "er", "het", "hij", "ik", "in", "is", "maar", "met", "naar", "niet", "of", "om", "onder", "ook", "op", "te", "tot", "uit", "van", "voor", "was", "wat", "ze", "zich", "zij", "zijn"]
    "stem-sv" Swedish "sv" 'a'..='z' => ["alla", "ar", "att", "av", "de", "dem", "den", "denna", "det", "detta", "dig", "du", "efter", "ej", "eller", "en", "ett", "for", "fran", "han", "har", "hon", "i", "inte", "jag", "med", "men", "mot", "och", "om", "pa", "sa", "sin", "som", "till", "ut", "var", "vi"]
    "stem-da" Danish "da" 'a'..='z' => ["af", "alle", "at", "da", "de", "dem", "den", "der", "deres", "det", "dette", "efter", "eller", "en", "er", "et", "for", "fra", "han", "har", "hun", "i", "ikke", "jeg", "man", "med", "men", "og", "om", "op", "pa", "sig", "som", "til", "ud", "var", "ved", "vi"]
    "stem-no" Norwegian "no" 'a'..='z' => ["alle", "at", "av", "da", "de", "dem", "den", "der", "deres", "det", "dette", "eller", "en", "er", "et", "etter", "for", "fra", "ha", "han", "har", "hun", "i", "ikke", "jeg", "med", "men", "og", "om", "opp", "pa", "seg", "som", "til", "ut", "var", "ved", "vi"]
    "stem-fi" Finnish "fi" 'a'..='z' => ["ei", "eli", "en", "etta", "han", "he", "ja", "jo", "joka", "jos", "jotka", "kuin", "kun", "me", "mina", "mutta", "myos", "nama", "ne", "niin", "oli", "on", "ovat", "se", "sen", "sina", "tai", "tama", "te", "vaan", "vai"]
    "stem-ru" Russian "ru" 'а'..='я' => ["а", "без", "бы", "был", "была", "были", "было", "в", "во", "вы", "да", "для", "до", "его", "ее", "если", "за", "и", "из", "или", "их", "к", "как", "ко", "ли", "мы", "на", "не", "нет", "но", "о", "об", "он", "она", "они", "от", "по", "с", "со", "так", "то", "у", "что", "это"]
}

impl Language {
    /// Whether this folded word is left out.
    pub(super) fn stops(self, term: &str) -> bool {
        self.stop_words().binary_search(&term).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted_and_folded() {
        for language in Language::ALL {
            assert!(language.stop_words().is_sorted(), "{language:?}");
            for word in language.stop_words() {
                let mut seen = Vec::new();
                super::super::Analyser::PLAIN.analyse(word, &mut |token| seen.push(token.term.to_owned()));
                assert_eq!(seen, [*word]);
            }
        }
    }
}
