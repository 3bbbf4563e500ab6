//! How detectors and models did by the labels, where the data have some.

use super::super::text::number;
use super::{Block, Cell, Page};

/// What is shown of each node: the heading's text and the metric.
const FIGURES: [(&str, &str); 6] = [
    (">precision", "Precision"),
    (">recall", "Recall"),
    (">f1", "F1"),
    (">detection_delay", "DetectionDelay"),
    (">nab_score", "NabScore"),
    (">accuracy", "Accuracy"),
];

/// The table, with its heading; nothing when no node was judged.
pub(super) fn blocks(page: &Page<'_>) -> Vec<Block> {
    let nodes = page.run.summary.nodes.iter();
    let judged: Vec<&String> = nodes
        .filter(|(_, n)| {
            n.metrics.get("Recall").is_some_and(|m| m.count > 0)
                || n.metrics.get("Accuracy").is_some_and(|m| m.count > 0)
        })
        .map(|(id, _)| id)
        .collect();
    if judged.is_empty() {
        return Vec::new();
    }
    let head: Vec<&str> = ["where"]
        .into_iter()
        .chain(FIGURES.iter().map(|f| f.0))
        .collect();
    let mut table = page.head(page.t("labels_table"), &head);
    for id in judged {
        let mut row = vec![Cell::text(id)];
        for (_, metric) in FIGURES {
            row.push(page.figure(&format!("nodes/{id}/metrics/{metric}/last"), number));
        }
        table.rows.push(row);
    }
    vec![
        Block::Heading(page.t("labels").to_owned()),
        Block::Text(page.t("labels_note").to_owned()),
        Block::Table(table),
    ]
}
