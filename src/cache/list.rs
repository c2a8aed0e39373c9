//! Places of a slab in an order of their own: a doubly linked list whose links lie in a vector.
//!
//! Node 0 is the end on both sides, place n is node n + 1. So there is no special case for an empty list, and a place that is
//! not in the list points at itself, so that removing it changes nothing.

#[derive(Debug, Clone, Copy)]
struct Node {
    newer: u32,
    older: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct List(Vec<Node>);

impl Default for List {
    fn default() -> Self {
        Self(vec![Node { newer: 0, older: 0 }])
    }
}

impl List {
    fn node(&self, node: u32) -> Node {
        self.0.get(node as usize).copied().unwrap_or(Node { newer: node, older: node })
    }

    fn join(&mut self, newer: u32, older: u32) {
        if let Some(node) = self.0.get_mut(newer as usize) {
            node.older = older;
        }
        if let Some(node) = self.0.get_mut(older as usize) {
            node.newer = newer;
        }
    }

    /// Puts a place at the newest end, wherever it was.
    pub(super) fn renew(&mut self, place: usize) {
        self.remove(place);
        let node = place as u32 + 1;
        while self.0.len() <= node as usize {
            let alone = self.0.len() as u32;
            self.0.push(Node { newer: alone, older: alone });
        }
        let second = self.node(0).older;
        self.join(node, second);
        self.join(0, node);
    }

    /// Takes a place out, if it is in.
    pub(super) fn remove(&mut self, place: usize) {
        let node = place as u32 + 1;
        let Node { newer, older } = self.node(node);
        self.join(newer, older);
        self.join(node, node);
    }

    /// The place that was not renewed for the longest time.
    pub(super) fn oldest(&self) -> Option<usize> {
        (self.node(0).newer as usize).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_one_not_renewed() {
        let mut list = List::default();
        assert_eq!(list.oldest(), None);
        for place in [3, 0, 7] {
            list.renew(place);
        }
        list.renew(3);
        list.remove(5);
        list.remove(100);
        let mut order = Vec::new();
        while let Some(place) = list.oldest() {
            order.push(place);
            list.remove(place);
            list.remove(place);
        }
        assert_eq!(order, [0, 7, 3]);
    }
}
