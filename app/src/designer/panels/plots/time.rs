//! The time axis that all plots share.

/// What part of the run is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Window {
    /// From the beginning to now.
    All,
    /// So many seconds up to now.
    Last(f64),
    /// From one virtual second to another.
    Fixed(f64, f64),
}

/// The least span that can be zoomed to, in virtual seconds.
const LEAST: f64 = 0.5;
/// Room to the right of now, as a share of the span.
const MARGIN: f64 = 0.02;

/// The windows that follow the run.
pub(super) const FOLLOWING: [Window; 4] = [
    Window::Last(60.0),
    Window::Last(600.0),
    Window::Last(3600.0),
    Window::All,
];

/// The shared axis.
#[derive(Debug)]
pub(super) struct TimeAxis {
    pub(super) window: Window,
    /// What is gone back to.
    pub(super) follow: Window,
}

impl Default for TimeAxis {
    fn default() -> Self {
        Self {
            window: Window::All,
            follow: Window::All,
        }
    }
}

impl TimeAxis {
    /// True while the window slides with the run.
    pub(super) fn is_following(&self) -> bool {
        !matches!(self.window, Window::Fixed(..))
    }
    /// Goes on with `window`.
    pub(super) fn set(&mut self, window: Window) {
        self.window = window;
        if self.is_following() {
            self.follow = window;
        }
    }
    /// Slides with the run again.
    pub(super) fn reset(&mut self) {
        self.window = self.follow;
    }
    /// The virtual seconds at both edges when the run is at `now`.
    pub(super) fn range(&self, now: f64) -> (f64, f64) {
        match self.window {
            Window::All => (0.0, (now * (1.0 + MARGIN)).max(1.0)),
            Window::Last(span) => (now - span * (1.0 - MARGIN), now + span * MARGIN),
            Window::Fixed(from, to) => (from, to),
        }
    }
    /// Shows `1 / factor` of the span around `at`.
    pub(super) fn zoom(&mut self, now: f64, at: f64, factor: f64) {
        let (from, to) = self.range(now);
        let shrink = |edge: f64| at + (edge - at) / factor;
        self.fix(now, shrink(from), shrink(to));
    }
    /// Moves the window by so many seconds.
    pub(super) fn pan(&mut self, now: f64, by: f64) {
        let (from, to) = self.range(now);
        // At least a tenth of the window keeps showing the run.
        let span = to - from;
        let by = by.clamp(-0.9 * span - from, (now - from - 0.1 * span).max(0.0));
        self.fix(now, from + by, to + by);
    }
    /// Shows what lies between two instants, in any order.
    pub(super) fn fix(&mut self, now: f64, a: f64, b: f64) {
        let (mut from, mut to) = (a.min(b), a.max(b));
        // Not smaller than one can see, not much larger than the run.
        let grow = (LEAST - (to - from)).max(0.0) / 2.0;
        (from, to) = (from - grow, to + grow);
        let most = (now.max(1.0)) * 1.5;
        if to - from >= most {
            self.reset();
            return;
        }
        self.window = Window::Fixed(from, to);
    }
    /// Makes sure that `at` is seen.
    pub(super) fn show(&mut self, now: f64, at: f64) {
        let (from, to) = self.range(now);
        if at < from || at > to {
            let half = (to - from) / 2.0;
            self.fix(now, at - half, at + half);
        }
    }
}

/// A step of marks on a time axis that shows `pixels` points for `seconds`: (step, finer step), both in seconds.
pub(super) fn steps(seconds_per_point: f64, least_points: f64) -> f64 {
    const NICE: [f64; 20] = [
        0.1,
        0.5,
        1.0,
        2.0,
        5.0,
        10.0,
        30.0,
        60.0,
        120.0,
        300.0,
        600.0,
        1800.0,
        3600.0,
        7200.0,
        21_600.0,
        43_200.0,
        86_400.0,
        172_800.0,
        604_800.0,
        2_592_000.0,
    ];
    let wanted = seconds_per_point * least_points;
    NICE.into_iter()
        .find(|s| *s >= wanted)
        .unwrap_or(31_536_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_instant_under_the_pointer() {
        let mut axis = TimeAxis::default();
        assert_eq!(axis.range(100.0), (0.0, 102.0));
        axis.zoom(100.0, 25.5, 2.0);
        assert_eq!(axis.range(100.0), (12.75, 63.75));
        assert!(!axis.is_following());
        // It stays there while the run goes on.
        assert_eq!(axis.range(500.0), (12.75, 63.75));
        axis.zoom(100.0, 30.0, 0.01);
        assert_eq!(axis.window, Window::All);
    }

    #[test]
    fn the_window_slides_with_the_run_until_it_is_moved() {
        let mut axis = TimeAxis::default();
        axis.set(Window::Last(60.0));
        assert!((axis.range(100.0).1 - 101.2).abs() < 1e-9);
        axis.pan(100.0, -30.0);
        let (from, to) = axis.range(200.0);
        assert!((to - from - 60.0).abs() < 1e-9 && from < 12.0);
        axis.show(200.0, 150.0);
        assert!(axis.range(200.0).0 < 150.0 && axis.range(200.0).1 > 150.0);
        axis.reset();
        assert_eq!(axis.window, Window::Last(60.0));
    }

    #[test]
    fn one_cannot_zoom_to_nothing_or_lose_the_run() {
        let mut axis = TimeAxis::default();
        axis.fix(100.0, 50.0, 50.0);
        let (from, to) = axis.range(100.0);
        assert!(to - from >= LEAST);
        for _ in 0..50 {
            axis.pan(100.0, 1e6);
        }
        assert!(axis.range(100.0).0 <= 100.0);
        for _ in 0..50 {
            axis.pan(100.0, -1e6);
        }
        assert!(axis.range(100.0).1 >= 0.0);
    }

    #[test]
    fn marks_are_at_round_times() {
        assert_eq!(steps(1.0, 70.0), 120.0);
        assert_eq!(steps(0.01, 70.0), 1.0);
        assert_eq!(steps(60.0, 70.0), 7200.0);
    }
}
