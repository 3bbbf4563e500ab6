//! Generated records that several runs of one process share: a chunk is a pure function of its generator and index, so it
//! need be made only once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::generate::{Chunk, Generator, GeneratorSpec};

/// Bytes of chunks that a sweep keeps, unless chosen otherwise.
pub const SHARED_BYTES: usize = 512 << 20;

type Slot = Arc<OnceLock<Chunk>>;

/// What runs share. Cheap to clone; clones share. Never changes a result, only how often it is made.
#[derive(Debug, Clone, Default)]
pub struct Shared(Option<Arc<Mutex<Store>>>);

#[derive(Debug)]
struct Store {
    budget: usize,
    used: usize,
    sources: Vec<(GeneratorSpec, BTreeMap<u64, Slot>)>,
}

impl Shared {
    /// Keeps up to `budget` bytes: the first chunks of each source, since every run begins with them. The default keeps none.
    #[must_use]
    pub fn with_budget(budget: usize) -> Self {
        Self(Some(Arc::new(Mutex::new(Store {
            budget,
            used: 0,
            sources: Vec::new(),
        }))))
    }
    /// The chunk `index` of `generator`, made now or before.
    #[must_use]
    pub fn chunk(&self, generator: &Generator, index: u64) -> Chunk {
        let Some(store) = &self.0 else {
            return generator.chunk(index);
        };
        let slot = {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            store.slot(generator.spec(), index)
        };
        let Some(slot) = slot else {
            return generator.chunk(index);
        };
        if let Some(chunk) = slot.get() {
            return chunk.clone();
        }
        // Another thread may be making it: waiting for that is shorter than making it twice.
        let mut bytes = 0;
        let chunk = slot.get_or_init(|| {
            let chunk = generator.chunk(index);
            bytes = chunk.memory_bytes();
            chunk
        });
        let chunk = chunk.clone();
        let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
        store.used += bytes;
        chunk
    }
}

impl Store {
    /// The place of a chunk; `None` when there is no room for another one.
    fn slot(&mut self, spec: &GeneratorSpec, index: u64) -> Option<Slot> {
        let known = self.sources.iter().position(|(s, _)| s == spec);
        let source = known.unwrap_or_else(|| {
            self.sources.push((spec.clone(), BTreeMap::new()));
            self.sources.len() - 1
        });
        let chunks = &mut self.sources[source].1;
        match chunks.get(&index) {
            Some(slot) => Some(Arc::clone(slot)),
            None if self.used < self.budget => {
                Some(Arc::clone(chunks.entry(index).or_default()))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::RecordSchema;
    use super::*;

    #[test]
    fn shared_chunks_are_those_that_are_made() {
        let generator =
            |seed| Generator::new(GeneratorSpec::new(RecordSchema::Transactions, seed, "p")).unwrap();
        let born: Vec<u64> = (0..100).collect();
        // Room for all, for the first, for none.
        for budget in [usize::MAX, 1, 0] {
            let shared = Shared::with_budget(budget);
            for _ in 0..2 {
                for (seed, index) in [(1, 0), (1, 1), (2, 0)] {
                    let alone = generator(seed).chunk(index).emit(0, &born, 0);
                    let chunk = shared.chunk(&generator(seed), index);
                    let shared = chunk.emit(0, &born, 0);
                    assert_eq!(shared.rows, alone.rows, "{budget} {seed} {index}");
                    assert_eq!(shared.sizes, alone.sizes, "{budget} {seed} {index}");
                }
            }
        }
    }
}
