//! What several runs of one process share: generated records, encoded files, results of SQL. Each is a pure function of what
//! it is made from, so it need be made only once.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::generate::{Chunk, Generator, GeneratorSpec};

/// Bytes of chunks, and again of results, that a sweep keeps.
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
    results: BTreeMap<u128, Kept>,
    /// Their keys, the oldest first.
    order: VecDeque<u128>,
    result_bytes: usize,
}

/// A result and the bytes that it holds.
type Kept = (Arc<dyn Any + Send + Sync>, usize);

impl Shared {
    /// Keeps up to `budget` bytes: the first chunks of each source, since every run begins with them. The default keeps none.
    #[must_use]
    pub fn with_budget(budget: usize) -> Self {
        Self(Some(Arc::new(Mutex::new(Store {
            budget,
            used: 0,
            sources: Vec::new(),
            results: BTreeMap::new(),
            order: VecDeque::new(),
            result_bytes: 0,
        }))))
    }
    /// True when something is kept.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.0.is_some()
    }
    /// What was made from what has this fingerprint, if it is still kept.
    #[must_use]
    pub fn result<T: Any + Send + Sync>(&self, key: u128) -> Option<Arc<T>> {
        let store = self.0.as_ref()?.lock();
        let store = store.unwrap_or_else(PoisonError::into_inner);
        let (result, _) = store.results.get(&key)?;
        Arc::clone(result).downcast().ok()
    }
    /// Keeps a result that holds `bytes`, up to the budget; the oldest go.
    pub fn keep<T: Any + Send + Sync>(&self, key: u128, result: &Arc<T>, bytes: usize) {
        let Some(store) = &self.0 else { return };
        let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > store.budget || store.results.contains_key(&key) {
            return;
        }
        let kept: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(result);
        store.results.insert(key, (kept, bytes));
        store.order.push_back(key);
        store.result_bytes += bytes;
        while store.result_bytes > store.budget {
            let Some(oldest) = store.order.pop_front() else {
                break;
            };
            if let Some((_, bytes)) = store.results.remove(&oldest) {
                store.result_bytes -= bytes;
            }
        }
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
            None if self.used < self.budget => Some(Arc::clone(chunks.entry(index).or_default())),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::RecordSchema;
    use super::*;

    #[test]
    fn oldest_results_go_when_there_is_no_room() {
        let shared = Shared::with_budget(100);
        for key in 0..4_u8 {
            shared.keep(u128::from(key), &Arc::new(vec![key; 40]), 40);
        }
        let known = |key| shared.result::<Vec<u8>>(key).is_some();
        let there: Vec<bool> = (0..4).map(known).collect();
        assert_eq!(there, [false, false, true, true]);
        shared.keep(9, &Arc::new(vec![0_u8; 101]), 101);
        assert!(!known(9) && known(3));
        // What is of another type is not what is looked for.
        assert!(shared.result::<String>(3).is_none());
        let none = Shared::default();
        none.keep(1, &Arc::new(vec![1_u8]), 1);
        assert!(none.result::<Vec<u8>>(1).is_none());
    }

    #[test]
    fn shared_chunks_are_those_that_are_made() {
        let generator = |seed| {
            Generator::new(GeneratorSpec::new(RecordSchema::Transactions, seed, "p")).unwrap()
        };
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
