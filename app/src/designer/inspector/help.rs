//! The manual page of a node's kind.

use egui::Ui;
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};

use crate::designer::cx::Cx;
use crate::designer::i18n::kind_docs;

/// What the page keeps between frames.
#[derive(Default)]
pub(super) struct Help {
    cache: CommonMarkCache,
    /// The page that `text` was made from.
    of: &'static str,
    text: String,
}

impl Help {
    /// Shows the page of the kind of the node `id`.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let Some(spec) = cx.spec_of(id) else { return };
        let page = kind_docs(spec);
        if !std::ptr::eq(self.of, page) {
            self.of = page;
            self.text = narrow(page);
        }
        CommonMarkViewer::new()
            .indentation_spaces(1)
            .show(ui, &mut self.cache, &self.text);
    }
}

/// The page for a narrow column: without its title, which stands above it already, lines joined to paragraphs, and tables as
/// lists, since a table does not wrap.
fn narrow(page: &str) -> String {
    let mut out = String::new();
    let mut is_head = true;
    let mut is_code = false;
    for line in page
        .lines()
        .skip_while(|l| l.starts_with("# ") || l.is_empty())
    {
        is_code ^= line.starts_with("```");
        let is_row = line.starts_with('|') && !is_code;
        if is_row && (is_head || line.starts_with("|--") || line.starts_with("|:")) {
            is_head = false;
            continue;
        }
        if is_row {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            out.push_str("- ");
            out.push_str(&cells.join(" · "));
        } else {
            is_head = true;
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_lists_and_the_rest_stays() {
        let page = "# Title\n\nText.\n\n| Port | Carries |\n|---|---|\n| `in` | records |\n| `out` | files |\n\n## More\n- a\n";
        assert_eq!(
            narrow(page),
            "Text.\n\n- `in` · records\n- `out` · files\n\n## More\n- a\n"
        );
        for kind in weir_engine::services::ALL {
            for page in [kind.spec().docs, kind.spec().docs_ko] {
                assert!(!narrow(page).contains("\n|"), "{}", kind.spec().id);
            }
        }
    }
}
