//! What tabs tell each other: after a commit its sessions, to every other tab, some time later. A page that listens may answer
//! from memory what it has not been told is outdated, and no more.

use super::executor::Group;
use super::page::Page;
use super::world::World;
use hoardb::session::Id;
use std::rc::Rc;

/// A commit of another tab that a page has not been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    pub version: u64,
    tab: usize,
    /// The generation that it made; none if it left the head out.
    generation: Option<u64>,
}

impl World {
    fn listeners(&self, tab: usize) -> Vec<Rc<Page>> {
        let pages = self.pages.borrow();
        pages.iter().filter_map(|page| page.upgrade()).filter(|page| page.tab != tab && page.hears).collect()
    }

    /// Notes a commit that others will hear of, if the tab lives to tell.
    pub fn unheard(&self, tab: usize, version: u64, generation: Option<u64>) {
        for page in self.listeners(tab) {
            page.unheard.borrow_mut().push(Unheard { version, tab, generation });
        }
    }

    /// A tab tells the others.
    pub fn broadcast(self: &Rc<Self>, tab: usize, generation: u64, sessions: &[Id]) {
        for page in self.listeners(tab) {
            let (world, sessions) = (Rc::clone(self), sessions.to_vec());
            self.executor.spawn(Group::Page(page.tab), async move {
                world.executor.pause(world.latency_ms).await;
                page.hear(tab, generation, &sessions);
            });
        }
    }
}

impl Page {
    fn hear(&self, tab: usize, generation: u64, sessions: &[Id]) {
        match self.engine() {
            Some(engine) => engine.peer(generation, sessions),
            // Whoever opens the engine knows that something was missed.
            None => self.has_missed.set(true),
        }
        let is_this = |unheard: &Unheard| unheard.tab == tab && unheard.generation == Some(generation);
        self.unheard.borrow_mut().retain(|unheard| !is_this(unheard));
    }

    /// The last commit that this page must have seen if it begins to read now.
    pub fn heard(&self) -> u64 {
        let unheard = self.unheard.borrow().iter().map(|unheard| unheard.version - 1).min();
        unheard.unwrap_or(u64::MAX).min(self.world.version())
    }
}
