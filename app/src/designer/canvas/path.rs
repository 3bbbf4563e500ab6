//! The course of wires: curves by `egui_graph`, flattened once for each place and level of detail.

use egui::{Pos2, Rect, Vec2};
use egui_graph::edge::EdgeShape;

/// A wire's course as points of the drawing, kept until an end moves.
#[derive(Debug, Clone, Default)]
pub(super) struct Cached {
    ends: Option<(Pos2, Pos2, u8)>,
    pub(super) points: Vec<Pos2>,
    pub(super) bounds: Option<Rect>,
}

impl Cached {
    /// Brings the points up to date. `level` is the level of detail, 0 the finest.
    pub(super) fn update(&mut self, from: Pos2, to: Pos2, level: u8) {
        if self.ends == Some((from, to, level)) {
            return;
        }
        self.ends = Some((from, to, level));
        self.points.clear();
        self.points.extend(curve(
            from,
            to,
            [8.0, 16.0, 48.0][usize::from(level.min(2))],
        ));
        self.bounds = Some(Rect::from_points(&self.points));
    }
}

/// How far a wire that runs back leaves its ends before it turns, and the radius of its corners.
const STUB: f32 = 28.0;
const CORNER: f32 = 14.0;
/// Rows that lie this far apart have room between them for a wire that runs back.
const ROWS: f32 = 120.0;

/// The course from an output at `from` to an input at `to`: a curve, or when it runs back to another row of a wrapped drawing straight
/// pieces with round corners through the gap between the rows, so that it does not cross what stands in them.
pub(super) fn curve(from: Pos2, to: Pos2, step: f32) -> impl Iterator<Item = Pos2> {
    if to.x < from.x && (to.y - from.y).abs() >= ROWS {
        return around(from, to, step).into_iter();
    }
    let shape = EdgeShape::Flow {
        curvature: 0.5,
        min_span: 56.0,
    };
    let path = shape.path((from, Vec2::RIGHT), &[], (to, Vec2::LEFT));
    path.flatten(step).collect::<Vec<_>>().into_iter()
}

fn around(from: Pos2, to: Pos2, step: f32) -> Vec<Pos2> {
    let gap = f32::midpoint(from.y, to.y);
    let (right, left) = (from.x + STUB, to.x - STUB);
    let corners = [
        egui::pos2(right, from.y),
        egui::pos2(right, gap),
        egui::pos2(left, gap),
        egui::pos2(left, to.y),
    ];
    // As many points on a corner as the level of detail asks for.
    let pieces = if step > 40.0 { 1_u8 } else { 6 };
    let mut points = vec![from];
    let mut before = from;
    for (i, corner) in corners.iter().enumerate() {
        let after = corners.get(i + 1).copied().unwrap_or(to);
        let begin = *corner + (before - *corner).normalized() * CORNER;
        let end = *corner + (after - *corner).normalized() * CORNER;
        for k in 0..=pieces {
            let t = f32::from(k) / f32::from(pieces);
            let (a, b) = (begin.lerp(*corner, t), corner.lerp(end, t));
            points.push(a.lerp(b, t));
        }
        before = *corner;
    }
    points.push(to);
    points
}

/// Distance of `p` from the line through `points`.
pub(super) fn distance(points: &[Pos2], p: Pos2) -> f32 {
    let of = |pair: &[Pos2]| {
        let (a, b) = (pair[0], pair[1]);
        let (ab, ap) = (b - a, p - a);
        let t = if ab.length_sq() > 0.0 {
            (ap.dot(ab) / ab.length_sq()).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (ap - ab * t).length()
    };
    points.windows(2).map(of).fold(f32::INFINITY, f32::min)
}

/// The point at the middle of the line's length.
pub(super) fn middle(points: &[Pos2]) -> Pos2 {
    let total: f32 = points.windows(2).map(|p| p[0].distance(p[1])).sum();
    let mut left = total / 2.0;
    for pair in points.windows(2) {
        let length = pair[0].distance(pair[1]);
        if length >= left {
            return pair[0] + (pair[1] - pair[0]) * if length > 0.0 { left / length } else { 0.0 };
        }
        left -= length;
    }
    points.last().copied().unwrap_or_default()
}

/// True when the line through `points` crosses the segment from `a` to `b`.
pub(super) fn crosses(points: &[Pos2], a: Pos2, b: Pos2) -> bool {
    points.windows(2).any(|p| segments_cross(p[0], p[1], a, b))
}

fn segments_cross(a: Pos2, b: Pos2, c: Pos2, d: Pos2) -> bool {
    let side = |p: Pos2, q: Pos2, r: Pos2| (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
    let (s1, s2) = (side(a, b, c), side(a, b, d));
    let (s3, s4) = (side(c, d, a), side(c, d, b));
    // A corner of the line belongs to one of its two pieces, so that a cut through it counts.
    (s1 < 0.0) != (s2 < 0.0) && (s3 < 0.0) != (s4 < 0.0)
}

/// Pieces of the line, `on` points drawn and `off` not, the pattern moved on by `shift` points.
pub(super) fn dashes(
    points: &[Pos2],
    on: f32,
    off: f32,
    shift: f32,
    mut piece: impl FnMut(Pos2, Pos2),
) {
    let period = on + off;
    // Position within the pattern at the beginning.
    let mut at = (-shift).rem_euclid(period);
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = a.distance(b);
        if length <= 0.0 {
            continue;
        }
        let direction = (b - a) / length;
        let mut done = 0.0;
        while done < length {
            let left = if at < on { on - at } else { period - at };
            let step = left.min(length - done).max(0.01);
            if at < on {
                piece(a + direction * done, a + direction * (done + step));
            }
            done += step;
            at = (at + step).rem_euclid(period);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn a_cut_takes_what_it_crosses_and_no_more() {
        let wire: Vec<Pos2> = curve(pos2(0.0, 0.0), pos2(300.0, 100.0), 8.0).collect();
        assert!(crosses(&wire, pos2(150.0, -50.0), pos2(150.0, 200.0)));
        assert!(!crosses(&wire, pos2(-50.0, -50.0), pos2(-50.0, 200.0)));
        assert!(!crosses(&wire, pos2(150.0, 120.0), pos2(150.0, 200.0)));
    }

    #[test]
    fn the_middle_lies_on_the_wire() {
        let wire: Vec<Pos2> = curve(pos2(0.0, 0.0), pos2(300.0, 100.0), 8.0).collect();
        let m = middle(&wire);
        assert!(distance(&wire, m) < 0.1);
        assert!((m - pos2(150.0, 50.0)).length() < 4.0);
        assert!((distance(&wire, m + Vec2::new(0.0, 30.0)) - 30.0).abs() < 20.0);
    }

    #[test]
    fn a_wire_back_to_another_row_runs_between_the_rows() {
        let (from, to) = (pos2(900.0, 0.0), pos2(0.0, 200.0));
        let wire: Vec<Pos2> = curve(from, to, 8.0).collect();
        assert_eq!((wire.first(), wire.last()), (Some(&from), Some(&to)));
        // Nodes of both rows reach 50 points to either side of their ports.
        for p in &wire {
            let in_a_row = p.y < 50.0 || p.y > 150.0;
            assert!(!in_a_row || p.x >= from.x || p.x <= to.x, "{p:?}");
        }
        let long = wire.windows(2).all(|p| p[0].distance(p[1]) > 0.0);
        assert!(long, "no piece without a length");
    }

    #[test]
    fn dashes_cover_their_share_and_travel_forwards() {
        let line = [pos2(0.0, 0.0), pos2(30.0, 0.0), pos2(100.0, 0.0)];
        let mut drawn = 0.0;
        dashes(&line, 6.0, 4.0, 0.0, |a, b| drawn += a.distance(b));
        assert!((drawn - 60.0).abs() < 0.1);
        let first = |shift: f32| {
            let mut starts = Vec::new();
            dashes(&line, 6.0, 4.0, shift, |a, _| starts.push(a.x));
            starts
        };
        assert!(first(3.0).iter().any(|x| (x - 3.0).abs() < 0.1));
    }
}
