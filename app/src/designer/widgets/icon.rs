//! Icons: outlines drawn for this project, tinted when they are painted.

use egui::{Color32, Image, Rect, Ui, Vec2};
use weir_engine::node::KindSpec;

/// Embeds the icons of `assets/icons/` by their names.
macro_rules! icons {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../../../assets/icons/", $name, ".svg")))),*]
    };
}

/// All of them; a test compares with the folder.
static ICONS: &[(&str, &str)] = icons![
    "alarm",
    "align-bottom",
    "align-center",
    "align-left",
    "align-middle",
    "align-right",
    "align-top",
    "breakpoint",
    "bucket",
    "bypass",
    "chart",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "clock",
    "close",
    "cold-start",
    "copy",
    "cost",
    "csv",
    "cut",
    "database",
    "disable",
    "distribute-h",
    "distribute-v",
    "download",
    "drag",
    "duplicate",
    "edit",
    "error",
    "events",
    "external",
    "eye",
    "eye-off",
    "fault",
    "file",
    "file-new",
    "filter",
    "fit",
    "fit-selection",
    "folder",
    "folder-open",
    "follow",
    "frame",
    "freeze",
    "gallery",
    "grid",
    "help",
    "history",
    "image",
    "info",
    "keyboard",
    "language",
    "layout",
    "link",
    "lock-closed",
    "lock-open",
    "minimap",
    "minus",
    "more",
    "note",
    "overlay",
    "paste",
    "pause",
    "pin",
    "play",
    "plus",
    "presenter",
    "redo",
    "restart",
    "save",
    "scenario",
    "search",
    "seed",
    "settings",
    "snap",
    "source",
    "sparkline",
    "speed",
    "sql",
    "step",
    "stop",
    "table",
    "terminal",
    "text",
    "theme-dark",
    "theme-light",
    "throttled",
    "timeline",
    "tour",
    "trace",
    "trash",
    "undo",
    "unlink",
    "warning",
    "wire",
    "zoom-in",
    "zoom-out",
];

/// Points at which an outline is rasterised for each point that it is shown at: crisp when the canvas is zoomed in.
const OVERSAMPLE: f32 = 2.0;

fn image(uri: String, svg: &'static str) -> Image<'static> {
    // White takes any tint.
    let white = svg.replace("currentColor", "#ffffff");
    Image::from_bytes(uri, white.into_bytes())
}

/// The icon called `name`, white; an unknown name is an empty picture, and a test finds it.
pub(crate) fn icon_image(name: &'static str) -> Image<'static> {
    let svg = ICONS
        .iter()
        .find(|(n, _)| *n == name)
        .map_or(EMPTY, |(_, svg)| svg);
    image(format!("bytes://icon-{name}.svg"), svg)
}

const EMPTY: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"></svg>"#;

/// The icon of a kind of node, white.
pub(crate) fn kind_icon(spec: &'static KindSpec) -> Image<'static> {
    image(format!("bytes://kind-{}.svg", spec.id), spec.icon)
}

/// Shows the icon `name` at `size` points in `colour`.
pub(crate) fn icon(ui: &mut Ui, name: &'static str, size: f32, colour: Color32) -> egui::Response {
    ui.add(
        icon_image(name)
            .fit_to_exact_size(Vec2::splat(size))
            .tint(colour),
    )
}

/// Paints `image` into `rect` in `colour`.
pub(crate) fn paint_icon(ui: &Ui, image: Image<'static>, rect: Rect, colour: Color32) {
    let hint = image
        .fit_to_exact_size(rect.size() * OVERSAMPLE)
        .tint(colour);
    hint.paint_at(ui, rect);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_icon_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/icons");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|e| e.unwrap().path().file_stem()?.to_str().map(str::to_owned))
            .collect();
        let listed: BTreeSet<String> = ICONS.iter().map(|(n, _)| (*n).to_owned()).collect();
        assert_eq!(listed, there);
    }
}
