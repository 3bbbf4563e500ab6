//! stub
use super::Batch;
use std::collections::VecDeque;
#[derive(Debug)]
pub struct BatchLog {
    first: u64,
    q: VecDeque<Batch>,
}
impl BatchLog {
    pub fn new(_d: std::path::PathBuf, _b: usize) -> Self {
        Self {
            first: 0,
            q: VecDeque::new(),
        }
    }
    pub fn append(&mut self, b: Batch) -> Result<u64, String> {
        self.q.push_back(b);
        Ok(self.first + self.q.len() as u64 - 1)
    }
    pub fn get(&mut self, n: u64) -> Result<Batch, String> {
        self.q
            .get((n - self.first) as usize)
            .cloned()
            .ok_or_else(|| "gone".to_owned())
    }
    pub fn forget_before(&mut self, n: u64) {
        while self.first < n && !self.q.is_empty() {
            self.q.pop_front();
            self.first += 1;
        }
        if self.q.is_empty() {
            self.first = self.first.max(self.first);
        }
    }
}
