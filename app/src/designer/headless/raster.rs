//! Triangles into pixels: the arithmetic of [`super::painter`].
//!
//! Colours are premultiplied and blended in gamma space with eight bits a channel, as the window's own renderer does. A
//! pixel belongs to a triangle when its centre does; the crossing of an edge is computed the same way for both triangles
//! that share it, so that no pixel is painted twice or missed.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: every coordinate and channel is clamped to the picture or to 0..=255 first"
)]

use egui::epaint::Vertex;
use egui::{Color32, Pos2};

/// A premultiplied pixel.
pub(super) type Pixel = [u8; 4];

/// Where may be painted, in pixels; the ends are not included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clip {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

/// A texture as it was uploaded.
#[derive(Debug)]
pub(super) struct Texture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Color32>,
    pub(super) is_smooth: bool,
    pub(super) repeats: bool,
}

impl Texture {
    fn index(&self, at: i32, length: usize) -> usize {
        let length = length as i32;
        let at = if self.repeats {
            at.rem_euclid(length)
        } else {
            at.clamp(0, length - 1)
        };
        at as usize
    }
    fn texel(&self, x: usize, y: usize) -> Pixel {
        self.pixels[y * self.width + x].to_array()
    }
    /// The texels around `at` along one side and the share of the second, of 256.
    fn taps(&self, at: f32, length: usize) -> (usize, usize, u32) {
        if !self.is_smooth {
            let i = self.index(at.floor() as i32, length);
            return (i, i, 0);
        }
        let at = at - 0.5;
        let low = at.floor();
        let share = ((at - low) * 256.0).round() as u32;
        let low = low as i32;
        let first = self.index(low, length);
        match share {
            0 => (first, first, 0),
            256 => {
                let next = self.index(low + 1, length);
                (next, next, 0)
            }
            _ => (first, self.index(low + 1, length), share),
        }
    }
    /// The colour at texture coordinates from 0 to 1.
    fn sample(&self, u: f32, v: f32) -> Pixel {
        let across = self.taps(u * self.width as f32, self.width);
        let down = self.taps(v * self.height as f32, self.height);
        self.mix(across, down)
    }
    fn mix(&self, (x0, x1, fx): (usize, usize, u32), (y0, y1, fy): (usize, usize, u32)) -> Pixel {
        if fx == 0 && fy == 0 {
            return self.texel(x0, y0);
        }
        let corners = [
            self.texel(x0, y0),
            self.texel(x1, y0),
            self.texel(x0, y1),
            self.texel(x1, y1),
        ];
        std::array::from_fn(|k| {
            let [a, b, c, d] = corners.map(|p| u32::from(p[k]));
            let upper = a * (256 - fx) + b * fx;
            let lower = c * (256 - fx) + d * fx;
            ((upper * (256 - fy) + lower * fy + (1 << 15)) >> 16) as u8
        })
    }
}

/// `a * b / 255`, rounded.
const fn times(a: u8, b: u8) -> u8 {
    let t = a as u32 * b as u32 + 128;
    ((t + (t >> 8)) >> 8) as u8
}

fn product(a: Pixel, b: Pixel) -> Pixel {
    if b == [255; 4] {
        return a;
    }
    std::array::from_fn(|k| times(a[k], b[k]))
}

/// Puts `above` onto `pixel`.
fn blend(pixel: &mut Pixel, above: Pixel) {
    match above[3] {
        255 => *pixel = above,
        0 if above == [0; 4] => {}
        alpha => {
            for k in 0..4 {
                pixel[k] = above[k].saturating_add(times(pixel[k], 255 - alpha));
            }
        }
    }
}

fn fill(row: &mut [Pixel], colour: Pixel) {
    if colour[3] == 255 {
        row.fill(colour);
    } else if colour != [0; 4] {
        row.iter_mut().for_each(|pixel| blend(pixel, colour));
    }
}

/// The first pixel whose centre is not before `at`, from `from` to `to`.
fn first_from(at: f32, from: usize, to: usize) -> usize {
    ((at - 0.5).ceil().max(0.0) as usize).clamp(from, to)
}

/// A rectangle along the axes in one colour, as glyphs and pictures are.
#[derive(Debug)]
pub(super) struct Quad {
    left_top: Vertex,
    right_bottom: Vertex,
}

impl Quad {
    /// The rectangle that two triangles make, when they make one.
    pub(super) fn of(vertices: &[Vertex], corners: [u32; 6]) -> Option<Self> {
        let [a, b, c, d, e, f] = corners;
        if d != c || e != b {
            return None;
        }
        let [a, b, c, f] = [a, b, c, f].map(|i| vertices.get(i as usize));
        let (a, b, c, f) = (a?, b?, c?, f?);
        let is_box = |a: Pos2, b: Pos2, c: Pos2, f: Pos2| {
            a.y == b.y && a.x == c.x && f.x == b.x && f.y == c.y
        };
        let plain = a.color == b.color && a.color == c.color && a.color == f.color;
        let fits = plain && is_box(a.pos, b.pos, c.pos, f.pos) && is_box(a.uv, b.uv, c.uv, f.uv);
        let ordered = a.pos.x <= f.pos.x && a.pos.y <= f.pos.y;
        (fits && ordered).then_some(Self {
            left_top: *a,
            right_bottom: *f,
        })
    }
    /// Paints it; positions are in points.
    pub(super) fn paint(
        &self,
        out: &mut [Pixel],
        width: usize,
        clip: Clip,
        texture: &Texture,
        scale: f32,
    ) {
        let (a, b) = (&self.left_top, &self.right_bottom);
        let (min, max) = (a.pos * scale, b.pos * scale);
        let left = first_from(min.x, clip.left, clip.right);
        let right = first_from(max.x, clip.left, clip.right);
        let top = first_from(min.y, clip.top, clip.bottom);
        let bottom = first_from(max.y, clip.top, clip.bottom);
        if left >= right || top >= bottom {
            return;
        }
        let colour = a.color.to_array();
        if a.uv == b.uv {
            let colour = product(colour, texture.sample(a.uv.x, a.uv.y));
            for y in top..bottom {
                fill(&mut out[y * width + left..y * width + right], colour);
            }
            return;
        }
        let (tw, th) = (texture.width as f32, texture.height as f32);
        let step = (
            (b.uv.x - a.uv.x) * tw / (max.x - min.x),
            (b.uv.y - a.uv.y) * th / (max.y - min.y),
        );
        let across: Vec<_> = (left..right)
            .map(|x| {
                texture.taps(
                    a.uv.x * tw + (x as f32 + 0.5 - min.x) * step.0,
                    texture.width,
                )
            })
            .collect();
        for y in top..bottom {
            let down = texture.taps(
                a.uv.y * th + (y as f32 + 0.5 - min.y) * step.1,
                texture.height,
            );
            let row = &mut out[y * width + left..y * width + right];
            for (pixel, across) in row.iter_mut().zip(&across) {
                let texel = texture.mix(*across, down);
                if texel != [0; 4] {
                    blend(pixel, product(colour, texel));
                }
            }
        }
    }
}

/// A value that changes evenly over a triangle.
#[derive(Clone, Copy)]
struct Plane {
    at_origin: f32,
    across: f32,
    down: f32,
    low: f32,
    high: f32,
}

impl Plane {
    /// Through three values at three points; `area` is twice the triangle's, signed.
    fn new(points: &[Pos2; 3], area: f32, values: [f32; 3]) -> Self {
        let [p, q, r] = points;
        let [a, b, c] = values;
        let across = ((b - a) * (r.y - p.y) - (c - a) * (q.y - p.y)) / area;
        let down = ((c - a) * (q.x - p.x) - (b - a) * (r.x - p.x)) / area;
        Self {
            at_origin: a - across * p.x - down * p.y,
            across,
            down,
            low: a.min(b).min(c),
            high: a.max(b).max(c),
        }
    }
    /// Its value, never outside those of the corners: thin triangles have steep planes.
    fn at(&self, x: f32, y: f32) -> f32 {
        (self.at_origin + self.across * x + self.down * y).clamp(self.low, self.high)
    }
}

/// Where the edge between two points crosses the height `y`. The ends are in order, whatever triangle asks.
fn crossing(upper: Pos2, lower: Pos2, y: f32) -> f32 {
    upper.x + (lower.x - upper.x) * ((y - upper.y) / (lower.y - upper.y))
}

/// What a triangle is filled with.
enum Ink {
    Flat(Pixel),
    /// Colours from corner to corner, over one texel.
    Shaded([Plane; 4], Pixel),
    /// Colours and texture from corner to corner.
    Textured([Plane; 4], [Plane; 2]),
}

impl Ink {
    fn of(corners: [&Vertex; 3], points: &[Pos2; 3], area: f32, texture: &Texture) -> Self {
        let [a, b, c] = corners;
        let is_flat = a.color == b.color && b.color == c.color;
        let one_texel = a.uv == b.uv && b.uv == c.uv;
        let plane = |value: &dyn Fn(&Vertex) -> f32| Plane::new(points, area, corners.map(value));
        let shades = || std::array::from_fn(|k| plane(&|v| f32::from(v.color.to_array()[k])));
        if !one_texel {
            return Self::Textured(shades(), [plane(&|v| v.uv.x), plane(&|v| v.uv.y)]);
        }
        let texel = texture.sample(a.uv.x, a.uv.y);
        if is_flat {
            Self::Flat(product(a.color.to_array(), texel))
        } else {
            Self::Shaded(shades(), texel)
        }
    }
    fn paint(&self, row: &mut [Pixel], left: usize, y: f32, texture: &Texture) {
        let centres = || (left..).map(|x| x as f32 + 0.5);
        let shade = |planes: &[Plane; 4], x: f32| planes.map(|p| (p.at(x, y) + 0.5) as u8);
        match self {
            Self::Flat(colour) => fill(row, *colour),
            Self::Shaded(planes, texel) => {
                for (pixel, x) in row.iter_mut().zip(centres()) {
                    blend(pixel, product(shade(planes, x), *texel));
                }
            }
            Self::Textured(planes, [u, v]) => {
                for (pixel, x) in row.iter_mut().zip(centres()) {
                    let texel = texture.sample(u.at(x, y), v.at(x, y));
                    blend(pixel, product(shade(planes, x), texel));
                }
            }
        }
    }
}

/// Paints a triangle; positions are in points.
pub(super) fn triangle(
    corners: [&Vertex; 3],
    out: &mut [Pixel],
    width: usize,
    clip: Clip,
    texture: &Texture,
    scale: f32,
) {
    let points = corners.map(|v| v.pos * scale);
    let [p, q, r] = points;
    let area = (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
    if area == 0.0 || !area.is_finite() {
        return;
    }
    let mut sorted = points;
    sorted.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    let [upper, middle, lower] = sorted;
    let top = first_from(upper.y, clip.top, clip.bottom);
    let bottom = first_from(lower.y, clip.top, clip.bottom);
    if top >= bottom {
        return;
    }
    let ink = Ink::of(corners, &points, area, texture);
    for row in top..bottom {
        let y = row as f32 + 0.5;
        let long = crossing(upper, lower, y);
        let short = if y < middle.y {
            crossing(upper, middle, y)
        } else {
            crossing(middle, lower, y)
        };
        let left = first_from(long.min(short), clip.left, clip.right);
        let right = first_from(long.max(short), clip.left, clip.right);
        if left < right {
            ink.paint(
                &mut out[row * width + left..row * width + right],
                left,
                y,
                texture,
            );
        }
    }
}
