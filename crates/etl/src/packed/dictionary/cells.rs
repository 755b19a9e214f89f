//! A cell for each whole number between two, in blocks that are made when they are first needed.

/// Cells of a block: 2 KiB.
const BLOCK: usize = 1 << 10;
/// As many blocks as there may be room for between the two numbers: 268 million cells.
const BLOCKS_MAX: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Cells {
    low: i64,
    /// For each block, where its cells begin, counted from 1 in blocks; 0 for one that is not there.
    blocks: Vec<u32>,
    /// Those of the blocks that are there. At first whether a number is marked, and then its place.
    cells: Vec<u16>,
    cells_max: usize,
}

impl Cells {
    /// None is marked. `None` when the two are too far apart.
    pub(super) fn new(low: i64, high: i64, cells_max: usize) -> Option<Self> {
        let blocks = usize::try_from(high.checked_sub(low)?).ok()? / BLOCK + 1;
        (blocks <= BLOCKS_MAX).then(|| Self { low, blocks: vec![0; blocks], cells: Vec::new(), cells_max })
    }

    /// Marks a number between the two.
    #[inline]
    pub(super) fn mark(&mut self, number: i64) {
        let (block, within) = self.at(number);
        let at = match self.blocks.get(block) {
            Some(0) => self.add(block),
            Some(at) => index(*at),
            None => return,
        };
        if let Some(cell) = self.cells.get_mut((at * BLOCK + within).wrapping_sub(BLOCK)) {
            *cell = 1;
        }
    }

    /// Gives each number that is marked its place among them, and lists them; `None` when they took too many cells, or places.
    pub(super) fn number(&mut self) -> Option<Vec<i64>> {
        if self.cells.len() > self.cells_max {
            return None;
        }
        let mut marked: Vec<i64> = Vec::new();
        let mut count = 0;
        for (start, at) in (self.low..).step_by(BLOCK).zip(&self.blocks).filter(|(_, at)| **at > 0) {
            marked.resize(count + BLOCK, 0);
            // About half of the cells are marked, in no order that a processor could guess: so all are written, and what is not marked
            // is written over by the next.
            for (number, cell) in (start..).zip(self.cells.chunks_mut(BLOCK).nth(index(*at) - 1)?) {
                *marked.get_mut(count)? = number;
                let is_marked = usize::from(*cell);
                *cell = u16::try_from(count).ok()?;
                count += is_marked;
            }
        }
        marked.truncate(count);
        Some(marked)
    }

    /// The place of a number that was marked, once they are numbered.
    #[inline]
    pub(super) fn place(&self, number: i64) -> u16 {
        let (block, within) = self.at(number);
        let at = self.blocks.get(block).copied().map_or(0, index);
        self.cells.get((at * BLOCK + within).wrapping_sub(BLOCK)).copied().unwrap_or_default()
    }

    #[inline]
    fn at(&self, number: i64) -> (usize, usize) {
        let offset = usize::try_from(number - self.low).unwrap_or(usize::MAX);
        (offset / BLOCK, offset % BLOCK)
    }

    /// Adds a block, unless there are too many already, and says where it is.
    #[cold]
    fn add(&mut self, block: usize) -> usize {
        if self.cells.len() <= self.cells_max {
            self.cells.resize(self.cells.len() + BLOCK, 0);
            if let (Some(at), Ok(last)) = (self.blocks.get_mut(block), u32::try_from(self.cells.len() / BLOCK)) {
                *at = last;
            }
        }
        self.blocks.get(block).copied().map_or(0, index)
    }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or_default()
}
