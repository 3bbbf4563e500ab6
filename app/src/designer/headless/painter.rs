//! Paints what egui draws into a picture, without a graphics card, a driver or a screen.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clip rectangles are clamped to the picture first"
)]

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, ImageData, Mesh, Primitive, textures::TexturesDelta};
use egui::{Color32, Rect, TextureFilter, TextureId, TextureWrapMode};
use image::RgbaImage;

use super::raster::{Clip, Pixel, Quad, Texture, triangle};

/// Keeps the textures of a window and paints its frames.
#[derive(Debug, Default)]
pub struct Painter {
    textures: HashMap<TextureId, Texture>,
}

impl Painter {
    /// Takes over what changed of the textures; nothing is left of `delta`. To be called after every frame.
    #[expect(
        clippy::iter_over_hash_type,
        reason = "textures do not know of each other"
    )]
    pub fn take(&mut self, delta: &mut TexturesDelta) {
        for (id, updates) in delta.set.drain() {
            for update in updates {
                let ImageData::Color(image) = &update.image;
                match (update.pos, self.textures.get_mut(&id)) {
                    (None, _) => {
                        let texture = Texture {
                            width: image.size[0],
                            height: image.size[1],
                            pixels: image.pixels.clone(),
                            is_smooth: update.options.magnification == TextureFilter::Linear,
                            repeats: update.options.wrap_mode == TextureWrapMode::Repeat,
                        };
                        self.textures.insert(id, texture);
                    }
                    (Some([x, y]), Some(texture)) => {
                        let [width, _] = image.size;
                        for (row, pixels) in image.pixels.chunks_exact(width.max(1)).enumerate() {
                            let start = (y + row) * texture.width + x;
                            texture.pixels[start..start + width].copy_from_slice(pixels);
                        }
                    }
                    (Some(_), None) => {}
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// The frame as a picture of `size` pixels, on the colour `ground`.
    #[must_use]
    pub fn paint(
        &self,
        primitives: &[ClippedPrimitive],
        scale: f32,
        size: [usize; 2],
        ground: Color32,
    ) -> RgbaImage {
        let [width, height] = size;
        let mut out: Vec<Pixel> = vec![ground.to_opaque().to_array(); width * height];
        for primitive in primitives {
            let clip = clip(primitive.clip_rect, scale, size);
            if let Primitive::Mesh(mesh) = &primitive.primitive
                && let Some(texture) = self.textures.get(&mesh.texture_id)
                && clip.left < clip.right
                && clip.top < clip.bottom
                && !texture.pixels.is_empty()
            {
                paint_mesh(mesh, &mut out, width, clip, texture, scale);
            }
        }
        let (width, height) = (
            u32::try_from(width).unwrap_or(0),
            u32::try_from(height).unwrap_or(0),
        );
        // The bytes fit the size by construction.
        RgbaImage::from_raw(width, height, out.into_flattened()).unwrap_or_default()
    }
}

fn clip(rect: Rect, scale: f32, [width, height]: [usize; 2]) -> Clip {
    let bound = |at: f32, most: usize| ((at * scale).round().max(0.0) as usize).min(most);
    Clip {
        left: bound(rect.min.x, width),
        top: bound(rect.min.y, height),
        right: bound(rect.max.x, width),
        bottom: bound(rect.max.y, height),
    }
}

fn paint_mesh(
    mesh: &Mesh,
    out: &mut [Pixel],
    width: usize,
    clip: Clip,
    texture: &Texture,
    scale: f32,
) {
    let mut rest = mesh.indices.as_slice();
    while let [a, b, c, tail @ ..] = rest {
        if let [d, e, f, after @ ..] = tail
            && let Some(quad) = Quad::of(&mesh.vertices, [*a, *b, *c, *d, *e, *f])
        {
            quad.paint(out, width, clip, texture, scale);
            rest = after;
            continue;
        }
        let corner = |i: &u32| mesh.vertices.get(*i as usize);
        if let (Some(a), Some(b), Some(c)) = (corner(a), corner(b), corner(c)) {
            triangle([a, b, c], out, width, clip, texture, scale);
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::epaint::{ColorImage, ImageDelta};
    use egui::{Pos2, TextureOptions, pos2, vec2};

    fn painter(options: TextureOptions) -> Painter {
        // Opaque white at the origin, then black and white columns.
        let pixels = (0..16).map(|i| {
            if i % 2 == 0 {
                Color32::WHITE
            } else {
                Color32::BLACK
            }
        });
        let image = ColorImage::new([4, 4], pixels.collect());
        let mut delta = TexturesDelta::default();
        delta.push(TextureId::default(), ImageDelta::full(image, options));
        let mut painter = Painter::default();
        painter.take(&mut delta);
        painter
    }
    fn frame(mesh: Mesh, clip: Rect) -> Vec<ClippedPrimitive> {
        vec![ClippedPrimitive {
            clip_rect: clip,
            primitive: Primitive::Mesh(mesh),
        }]
    }
    fn all() -> Rect {
        Rect::from_min_size(Pos2::ZERO, vec2(8.0, 8.0))
    }

    #[test]
    fn triangles_that_share_an_edge_cover_each_pixel_once() {
        let half = Color32::from_rgba_premultiplied(100, 0, 0, 128);
        let mut mesh = Mesh::default();
        for at in [
            pos2(0.0, 0.0),
            pos2(8.0, 0.3),
            pos2(7.7, 8.0),
            pos2(0.0, 8.0),
            pos2(3.1, 4.2),
        ] {
            mesh.colored_vertex(at, half);
        }
        for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
            mesh.add_triangle(a, b, 4);
        }
        let picture = painter(TextureOptions::NEAREST).paint(
            &frame(mesh, all()),
            1.0,
            [8, 8],
            Color32::BLACK,
        );
        let inner = (1..7).flat_map(|y| (1..7).map(move |x| (x, y)));
        for (x, y) in inner {
            assert_eq!(picture.get_pixel(x, y).0[0], 100, "{x} {y}");
        }
    }

    #[test]
    fn a_picture_at_its_own_size_is_copied_and_clipped() {
        let mut mesh = Mesh::default();
        let unit = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        mesh.add_rect_with_uv(
            Rect::from_min_size(pos2(2.0, 2.0), vec2(4.0, 4.0)),
            unit,
            Color32::WHITE,
        );
        let clip = Rect::from_min_max(pos2(0.0, 0.0), pos2(5.0, 8.0));
        for options in [TextureOptions::LINEAR, TextureOptions::NEAREST] {
            let picture =
                painter(options).paint(&frame(mesh.clone(), clip), 1.0, [8, 8], Color32::RED);
            let row: Vec<u8> = (0..8).map(|x| picture.get_pixel(x, 3).0[1]).collect();
            assert_eq!(row, [0, 0, 255, 0, 255, 0, 0, 0]);
        }
    }

    #[test]
    fn parts_of_a_texture_are_replaced() {
        let mut painter = painter(TextureOptions::NEAREST);
        let mut delta = TexturesDelta::default();
        let patch = ColorImage::filled([2, 1], Color32::GREEN);
        delta.push(
            TextureId::default(),
            ImageDelta::partial([2, 3], patch, TextureOptions::NEAREST),
        );
        painter.take(&mut delta);
        let texture = &painter.textures[&TextureId::default()];
        assert_eq!(
            texture.pixels[12..],
            [
                Color32::WHITE,
                Color32::BLACK,
                Color32::GREEN,
                Color32::GREEN
            ]
        );
        delta.free(TextureId::default());
        painter.take(&mut delta);
        assert!(painter.textures.is_empty() && delta.is_empty());
    }
}
