//! Pictures as SVG text: plots with axes, and the drawing of a document.
//!
//! Each picture is whole in itself: no style sheet, script, font or file from elsewhere, so that it can stand in a page or in
//! a file of its own. Texts are escaped by construction (`maud`). Colours are those of the light theme under
//! `assets/theme`. The same input gives the same bytes.

mod axis;
mod drawing;
mod paint;
mod plot;

pub use axis::{Axis, Scale, Unit, short};
pub use drawing::{Drawing, NodeFace};
pub use paint::{Paint, category_id, paint};
pub use plot::{Mark, Plot, Series, Shape};

/// How wide `text` is about, in the unit of `size`: there are no fonts here to measure with.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let wide = |c: char| if u32::from(c) >= 0x1100 { 0.95 } else { 0.56 };
    text.chars().map(wide).sum::<f64>() * size
}

/// `text`, cut with an ellipsis where it would be wider than `width`.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) > width - size {
            break;
        }
    }
    format!("{}\u{2026}", kept.trim_end())
}

/// A coordinate with one decimal, without a needless `.0`.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// The fonts of all texts.
pub(super) const FONT: &str =
    "Pretendard, system-ui, -apple-system, 'Segoe UI', 'Noto Sans KR', 'Malgun Gothic', sans-serif";

#[cfg(test)]
mod tests;
