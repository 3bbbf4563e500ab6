//! The colours of pictures and reports: the light theme.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::node::Category;

const LIGHT: &str = include_str!("../../../../assets/theme/light.toml");

/// Colours as `#RRGGBB`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Paint {
    /// Behind everything.
    pub canvas: String,
    /// Behind texts.
    pub panel: String,
    /// Behind what stands out.
    pub raised: String,
    /// Hairlines.
    pub line: String,
    /// Texts.
    pub text: String,
    /// Texts of second rank.
    pub secondary: String,
    /// Texts of third rank.
    pub faint: String,
    /// The weir's water.
    pub accent: String,
    /// Good.
    pub green: String,
    /// Near a limit.
    pub amber: String,
    /// Bad.
    pub red: String,
    /// The hue of each category of node, by its name.
    pub category: BTreeMap<String, String>,
}

/// The colours.
#[must_use]
pub fn paint() -> &'static Paint {
    static PAINT: OnceLock<Paint> = OnceLock::new();
    // The file is the program's own; a test reads it.
    PAINT.get_or_init(|| toml::from_str(LIGHT).unwrap_or_default())
}

/// The name of a category, as the theme has it.
#[must_use]
pub fn category_id(category: Category) -> String {
    let name = serde_json::to_value(category).ok();
    name.and_then(|v| v.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

impl Paint {
    /// The hue of a category.
    #[must_use]
    pub fn hue(&self, category: Category) -> &str {
        self.category
            .get(&category_id(category))
            .unwrap_or(&self.secondary)
    }
    /// The `i`-th of many colours that are told apart.
    #[must_use]
    pub fn series(&self, i: usize) -> &str {
        let order = [
            "query",
            "function",
            "storage",
            "stream",
            "alerts",
            "machine-learning",
            "catalog",
            "dashboard",
            "source",
        ];
        self.category
            .get(order[i % order.len()])
            .unwrap_or(&self.accent)
    }
    /// The colour of a limit of which this share is used.
    #[must_use]
    pub fn pressure(&self, share: f64) -> &str {
        if share >= 0.95 {
            &self.red
        } else if share >= 0.7 {
            &self.amber
        } else {
            &self.green
        }
    }
}
