//! Where in a slab is what has this hash? Open addressing with linear probing; nothing about what lies in the slab.
//!
//! A `HashMap` does the same and is 3 KB of wasm that nothing else here needs.

const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Cell {
    hash: u32,
    place: u32,
}

/// See the module. At most half of the cells are in use, so that a search ends soon.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// As many as a power of two, or none.
    cells: Vec<Cell>,
    pub(super) used: usize,
}

impl Table {
    fn cell(&self, at: usize) -> Option<Cell> {
        self.cells.get(at & self.mask()).copied().filter(|cell| cell.place != EMPTY)
    }

    fn set(&mut self, at: usize, cell: Cell) {
        let at = at & self.mask();
        if let Some(old) = self.cells.get_mut(at) {
            *old = cell;
        }
    }

    fn mask(&self) -> usize {
        self.cells.len().saturating_sub(1)
    }

    /// The cell of the first place with this hash that is the one.
    fn search(&self, hash: u64, is: &dyn Fn(usize) -> bool) -> Option<(usize, usize)> {
        let mut at = hash as u32 as usize;
        while let Some(cell) = self.cell(at) {
            if cell.hash == hash as u32 && is(cell.place as usize) {
                return Some((at, cell.place as usize));
            }
            at = at.wrapping_add(1);
        }
        None
    }

    /// The first place with this hash that is the one.
    pub(super) fn find(&self, hash: u64, is: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.search(hash, is).map(|(_, place)| place)
    }

    /// Adds a place.
    pub(super) fn insert(&mut self, hash: u64, place: usize) {
        if self.used * 2 >= self.cells.len() {
            let cells = vec![Cell { hash: 0, place: EMPTY }; (self.cells.len() * 2).max(16)];
            for cell in std::mem::replace(&mut self.cells, cells) {
                if cell.place != EMPTY {
                    self.seat(cell);
                }
            }
        }
        self.used += 1;
        self.seat(Cell { hash: hash as u32, place: place as u32 });
    }

    fn seat(&mut self, cell: Cell) {
        let mut at = cell.hash as usize;
        while self.cell(at).is_some() {
            at = at.wrapping_add(1);
        }
        self.set(at, cell);
    }

    /// Takes a place out, if it is in.
    pub(super) fn remove(&mut self, hash: u64, place: usize) {
        let Some((mut gap, _)) = self.search(hash, &|found| found == place) else { return };
        self.used -= 1;
        let mut at = gap;
        // A cell behind the gap moves into it unless it would then lie before where its search begins.
        loop {
            at = at.wrapping_add(1);
            let Some(cell) = self.cell(at) else { break };
            let from_home = at.wrapping_sub(cell.hash as usize) & self.mask();
            if from_home >= at.wrapping_sub(gap) & self.mask() {
                self.set(gap, cell);
                gap = at;
            }
        }
        self.set(gap, Cell { hash: 0, place: EMPTY });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_among_equal_hashes_and_past_gaps() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut table = Table::default();
            let mut model = Vec::<(u64, usize)>::new();
            for place in 0..300 {
                // Few hashes, some of them at the end of the cells, so that searches are long and wrap around.
                let hash = rng.u64(0..12).wrapping_sub(6);
                if rng.bool() || model.is_empty() {
                    table.insert(hash, place);
                    model.push((hash, place));
                } else {
                    let (hash, gone) = model.swap_remove(rng.usize(..model.len()));
                    table.remove(hash, gone);
                    table.remove(hash, gone);
                    assert_eq!(table.find(hash, &|place| place == gone), None);
                }
                for &(hash, place) in &model {
                    assert_eq!(table.find(hash, &|found| found == place), Some(place), "seed {seed}");
                }
                assert_eq!(table.used, model.len());
            }
        }
    }
}
