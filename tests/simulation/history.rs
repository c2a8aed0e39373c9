//! What was when: a value for each commit at which it changed.

/// See the module.
pub struct History<T>(Vec<(u64, T)>);

impl<T: PartialEq + Clone> History<T> {
    pub fn new(value: T) -> Self {
        Self(vec![(0, value)])
    }

    /// The value now.
    pub fn now(&self) -> &T {
        &self.0.last().expect("it has a first").1
    }

    /// The value after a commit.
    pub fn put(&mut self, version: u64, value: T) {
        if *self.now() != value {
            self.0.push((version, value));
        }
    }

    /// The values that held at any time between two commits.
    pub fn between(&self, from: u64, to: u64) -> impl Iterator<Item = &T> {
        let start = self.0.partition_point(|(version, _)| *version <= from).saturating_sub(1);
        self.0[start..].iter().take_while(move |(version, _)| *version <= to).map(|(_, value)| value)
    }

    /// Forgets what came after a commit.
    pub fn cut(&mut self, version: u64) {
        self.0.retain(|(at, _)| *at <= version);
    }
}
