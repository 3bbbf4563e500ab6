//! stub
use crate::rng::Rng;
use crate::units::SimTime;
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ArrivalShape {
    Constant,
    Poisson,
    Wave {
        period_secs: f64,
        amplitude: f64,
    },
    Ramp {
        to_rate: f64,
        over_secs: f64,
    },
    Burst {
        factor: f64,
        length_secs: f64,
        every_secs: f64,
    },
}
#[derive(Debug, Clone)]
pub struct Arrivals {
    rate: f64,
    factor: f64,
    next: f64,
}
impl Arrivals {
    pub fn new(_s: ArrivalShape, rate: f64) -> Self {
        Self {
            rate,
            factor: 1.0,
            next: 0.0,
        }
    }
    pub fn fill(&mut self, until: SimTime, _r: &mut Rng, out: &mut Vec<u64>, max: usize) {
        while self.next <= until.0 as f64 && out.len() < max && self.rate > 0.0 {
            out.push(self.next as u64);
            self.next += 1e9 / (self.rate * self.factor);
        }
    }
    pub fn set_rate(&mut self, r: f64) {
        self.rate = r;
    }
    pub fn set_factor(&mut self, f: f64) {
        self.factor = f;
    }
}
