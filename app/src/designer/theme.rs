//! The look as tokens: colours, sizes and type from `assets/theme/`. No colour or size stands anywhere else.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle};
use serde::Deserialize;
use weir_engine::node::Category;

/// Colours of one look, sizes shared by both.
#[derive(Debug)]
pub(crate) struct Theme {
    pub(crate) is_dark: bool,
    pub(crate) canvas: Color32,
    pub(crate) panel: Color32,
    pub(crate) raised: Color32,
    pub(crate) line: Color32,
    pub(crate) text: Color32,
    pub(crate) secondary: Color32,
    pub(crate) faint: Color32,
    pub(crate) accent: Color32,
    pub(crate) on_accent: Color32,
    pub(crate) green: Color32,
    pub(crate) amber: Color32,
    pub(crate) red: Color32,
    pub(crate) shadow: Color32,
    category: BTreeMap<String, Color32>,
    pub(crate) shape: Shape,
}

/// Sizes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// Steps of distance: 4, 8, 12, 16, 24, 32.
    pub(crate) space: [f32; 6],
    pub(crate) hairline: f32,
    pub(crate) radius_node: f32,
    pub(crate) radius_control: f32,
    pub(crate) node_width: f32,
    pub(crate) caption: f32,
    pub(crate) body: f32,
    pub(crate) emphasis: f32,
    pub(crate) title: f32,
    /// Factor of the presenter's mode.
    pub(crate) presenter: f32,
    /// Seconds.
    pub(crate) motion: f32,
    pub(crate) amber_from: f64,
    pub(crate) red_from: f64,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(flatten)]
    colours: BTreeMap<String, toml::Value>,
}

static DARK: LazyLock<Theme> =
    LazyLock::new(|| read(include_str!("../../../assets/theme/dark.toml"), true));
static LIGHT: LazyLock<Theme> =
    LazyLock::new(|| read(include_str!("../../../assets/theme/light.toml"), false));

thread_local! {
    static IS_DARK: Cell<bool> = const { Cell::new(true) };
}

/// The look of the window that is being drawn by this thread.
pub(crate) fn theme() -> &'static Theme {
    if IS_DARK.get() { &DARK } else { &LIGHT }
}

#[expect(
    clippy::expect_used,
    reason = "embedded files, read by a test of this module"
)]
fn read(text: &str, is_dark: bool) -> Theme {
    let raw: Raw = toml::from_str(text).expect("a theme file is TOML");
    let shape: Shape = toml::from_str(include_str!("../../../assets/theme/shape.toml"))
        .expect("shape.toml has every size");
    let colour = |name: &str| {
        raw.colours
            .get(name)
            .and_then(toml::Value::as_str)
            .and_then(|hex| Color32::from_hex(hex).ok())
            .unwrap_or_else(|| panic!("the theme lacks the colour `{name}`"))
    };
    let category = raw.colours.get("category").and_then(toml::Value::as_table);
    let category = category
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), Color32::from_hex(value.as_str()?).ok()?)));
    Theme {
        is_dark,
        canvas: colour("canvas"),
        panel: colour("panel"),
        raised: colour("raised"),
        line: colour("line"),
        text: colour("text"),
        secondary: colour("secondary"),
        faint: colour("faint"),
        accent: colour("accent"),
        on_accent: colour("on_accent"),
        green: colour("green"),
        amber: colour("amber"),
        red: colour("red"),
        shadow: colour("shadow"),
        category: category.collect(),
        shape,
    }
}

impl Theme {
    /// The hue of a category; the same in palette, node, wire and plot.
    pub(crate) fn category(&self, category: Category) -> Color32 {
        self.hue(&category_id(category))
    }
    /// The hue called `name`, as under `[category]` in the theme's file; the secondary text colour when there is none.
    pub(crate) fn hue(&self, name: &str) -> Color32 {
        self.category.get(name).copied().unwrap_or(self.secondary)
    }
    /// Green, amber or red for a share of a limit.
    pub(crate) fn pressure(&self, share: f64) -> Color32 {
        if share >= self.shape.red_from {
            self.red
        } else if share >= self.shape.amber_from {
            self.amber
        } else {
            self.green
        }
    }
    /// The `n`th step of distance, from 0 to 5: 4, 8, 12, 16, 24, 32 points.
    pub(crate) fn space(&self, n: usize) -> f32 {
        self.shape.space[n.min(5)]
    }
    /// A hairline in the colour of lines.
    pub(crate) fn hairline(&self) -> Stroke {
        Stroke::new(self.shape.hairline, self.line)
    }
    /// A colour between this theme's panel and `colour`: a quiet fill of the same hue.
    pub(crate) fn tint(&self, colour: Color32, share: f32) -> Color32 {
        self.panel.lerp_to_gamma(colour, share)
    }
}

/// The category's name in themes and translations.
pub(crate) fn category_id(category: Category) -> String {
    serde_json::to_value(category)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Semibold type of the body's face.
pub(crate) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}
/// Regular type.
pub(crate) fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}
/// Figures of equal width, and code.
pub(crate) fn figures(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

/// The toolkit's font of symbols.
const SYMBOLS: &str = "emoji-icon-font";

/// Installs the fonts; once a window.
pub(crate) fn install_fonts(ctx: &egui::Context) {
    let mut fonts = egui::FontDefinitions::empty();
    let files: [(&str, &'static [u8]); 3] = [
        (
            "pretendard",
            include_bytes!("../../../assets/fonts/Pretendard-Regular.otf"),
        ),
        (
            "pretendard-semibold",
            include_bytes!("../../../assets/fonts/Pretendard-SemiBold.otf"),
        ),
        (
            "jetbrains-mono",
            include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf"),
        ),
    ];
    for (name, bytes) in files {
        let data = Arc::new(egui::FontData::from_static(bytes));
        fonts.font_data.insert(name.to_owned(), data);
    }
    // Arrows of tabs and menus that the others lack; the toolkit carries it.
    let mut own = egui::FontDefinitions::default().font_data;
    if let Some(data) = own.remove(SYMBOLS) {
        fonts.font_data.insert(SYMBOLS.to_owned(), data);
    }
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let families = [
        (
            FontFamily::Proportional,
            list(&["pretendard", "jetbrains-mono", SYMBOLS]),
        ),
        (
            FontFamily::Monospace,
            list(&["jetbrains-mono", "pretendard", SYMBOLS]),
        ),
        (
            FontFamily::Name("semibold".into()),
            list(&[
                "pretendard-semibold",
                "pretendard",
                "jetbrains-mono",
                SYMBOLS,
            ]),
        ),
    ];
    fonts.families.extend(families);
    ctx.set_fonts(fonts);
}

/// Makes the look of `ctx` dark or light, with or without motion.
pub(crate) fn apply(ctx: &egui::Context, is_dark: bool, motion: bool) {
    IS_DARK.set(is_dark);
    let wanted = (is_dark, motion);
    let id = egui::Id::new("weir-look");
    if ctx.data(|d| d.get_temp(id)) == Some(wanted) {
        return;
    }
    ctx.data_mut(|d| d.insert_temp(id, wanted));
    ctx.set_theme(if is_dark {
        egui::Theme::Dark
    } else {
        egui::Theme::Light
    });
    ctx.all_styles_mut(|style| restyle(style, theme(), motion));
}

fn restyle(style: &mut egui::Style, t: &Theme, motion: bool) {
    style.text_styles = [
        (TextStyle::Small, regular(t.shape.caption)),
        (TextStyle::Body, regular(t.shape.body)),
        (TextStyle::Button, regular(t.shape.body)),
        (TextStyle::Heading, semibold(t.shape.emphasis)),
        (TextStyle::Monospace, figures(t.shape.body)),
    ]
    .into();
    style.animation_time = if motion { t.shape.motion } else { 0.0 };
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(t.space(1), t.space(1));
    spacing.button_padding = egui::vec2(t.space(1), t.space(0));
    spacing.interact_size = egui::vec2(40.0, 24.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(12);
    spacing.scroll = egui::style::ScrollStyle::thin();
    let v = &mut style.visuals;
    v.dark_mode = t.is_dark;
    v.panel_fill = t.panel;
    v.window_fill = t.panel;
    v.window_stroke = t.hairline();
    v.extreme_bg_color = t.canvas;
    v.faint_bg_color = t.raised;
    v.code_bg_color = t.raised;
    v.hyperlink_color = t.accent;
    v.warn_fg_color = t.amber;
    v.error_fg_color = t.red;
    v.weak_text_color = Some(t.secondary);
    v.selection.bg_fill = t.tint(t.accent, 0.35);
    v.selection.stroke = Stroke::new(1.0, t.accent);
    v.window_corner_radius = CornerRadius::same(8);
    v.menu_corner_radius = CornerRadius::same(6);
    let shadow = egui::Shadow {
        offset: [0, 4],
        blur: 16,
        spread: 0,
        color: t.shadow,
    };
    v.window_shadow = shadow;
    v.popup_shadow = shadow;
    widgets(&mut v.widgets, t);
}

fn widgets(w: &mut egui::style::Widgets, t: &Theme) {
    let radius = CornerRadius::same(4);
    let states = [
        (&mut w.noninteractive, t.panel, t.line, t.text),
        (&mut w.inactive, t.raised, t.raised, t.text),
        (&mut w.hovered, t.tint(t.text, 0.12), t.line, t.text),
        (&mut w.active, t.tint(t.accent, 0.4), t.accent, t.text),
        (&mut w.open, t.raised, t.line, t.text),
    ];
    for (state, fill, line, text) in states {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(t.shape.hairline, line);
        state.fg_stroke = Stroke::new(t.shape.hairline, text);
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(c: Color32) -> f64 {
        let part = |v: u8| {
            let x = f64::from(v) / 255.0;
            if x <= 0.03928 {
                x / 12.92
            } else {
                ((x + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(c.r()) + 0.7152 * part(c.g()) + 0.0722 * part(c.b())
    }
    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_readable_on_every_ground() {
        for t in [&*DARK, &*LIGHT] {
            for ground in [t.canvas, t.panel, t.raised] {
                for text in [
                    t.text,
                    t.secondary,
                    t.faint,
                    t.accent,
                    t.green,
                    t.amber,
                    t.red,
                ] {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{text:?} on {ground:?}: {ratio:.2}");
                }
                for hue in t.category.values() {
                    let ratio = contrast(*hue, ground);
                    assert!(ratio >= 4.5, "{hue:?} on {ground:?}: {ratio:.2}");
                }
            }
            assert!(contrast(t.on_accent, t.accent) >= 4.5);
        }
    }

    #[test]
    fn every_category_has_a_hue() {
        for kind in weir_engine::services::ALL {
            let id = category_id(kind.spec().category);
            assert!(
                DARK.category.contains_key(&id) && LIGHT.category.contains_key(&id),
                "{id}"
            );
        }
    }
}
