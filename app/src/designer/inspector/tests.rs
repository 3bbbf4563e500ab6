//! The inspector as a person uses it.

use std::time::Duration;

use egui::{Key, Modifiers, Vec2};
use serde_json::{Value, json};

use crate::designer::cx::Act;
use crate::designer::edit::{Item, Selection};
use crate::designer::headless::Headless;
use crate::designer::{Lang, Setup};

const REST: Duration = Duration::from_secs(20);

/// A window with a template, these nodes selected.
fn window(nodes: &[&str]) -> Headless {
    let setup = Setup {
        file: Some("weekend-transactions".to_owned()),
        lang: Some(Lang::En),
        dark: Some(true),
        motion: false,
        recovery: None,
        dialogs: None,
        tour: false,
    };
    let mut window = Headless::new(Vec2::new(1440.0, 900.0), 1.0, &setup);
    select(&mut window, Selection::nodes_of(nodes.iter().copied()));
    window
}

fn select(window: &mut Headless, selection: Selection) {
    window
        .designer_mut()
        .acts
        .borrow_mut()
        .push(Act::Select(selection));
    window.steps(3);
}

fn param(window: &Headless, node: &str, name: &str) -> Option<Value> {
    window
        .designer()
        .document()
        .node(node)
        .unwrap()
        .params
        .get(name)
        .cloned()
}

/// Presses the field and types over what it says.
fn retype(window: &mut Headless, label: &str, text: &str) {
    assert!(window.click_on(label), "no {label}");
    window.steps(3);
    window.text(text);
    window.steps(2);
}

#[test]
fn quantities_are_typed_and_undone_in_one_step() {
    let mut window = window(&["producer"]);
    let steps = window.designer().undo_names().len();
    retype(&mut window, "Records per second", "12k");
    assert_eq!(
        param(&window, "producer", "records_per_second"),
        Some(json!(12_000.0))
    );
    window.key(Key::Enter, Modifiers::NONE);
    window.steps(2);
    assert_eq!(window.designer().undo_names().len(), steps + 1);
}

#[test]
fn what_cannot_be_read_stays_and_changes_nothing() {
    let mut window = window(&["stream"]);
    let before = param(&window, "stream", "shard_count");
    retype(&mut window, "Shards", "many");
    window.key(Key::Enter, Modifiers::NONE);
    window.steps(2);
    assert_eq!(param(&window, "stream", "shard_count"), before);
    assert!(sentence(&window).contains("`many` is not a quantity"));
    select(&mut window, Selection::node("producer"));
    select(&mut window, Selection::node("stream"));
    assert!(
        sentence(&window).contains("`many` is not a quantity"),
        "the sentence is lost"
    );
    assert!(window.click_on("Reset Shards to its default: 1"));
    window.steps(2);
    assert_eq!(sentence(&window), "");
    assert_eq!(param(&window, "stream", "shard_count"), None);
}

/// What stands below the number of shards.
fn sentence(window: &Headless) -> String {
    let draft = window.designer().inspector.drafts.get("stream shard_count");
    draft.and_then(|d| d.error.clone()).unwrap_or_default()
}

#[test]
fn every_tab_of_every_node_and_every_page_shows() {
    let mut window = window(&[]);
    let ids: Vec<String> = window
        .designer()
        .document()
        .nodes
        .iter()
        .map(|n| n.id.clone())
        .collect();
    for lang in [Lang::En, Lang::Ko] {
        window.designer_mut().prefs.lang = lang;
        for id in &ids {
            select(&mut window, Selection::node(id));
            let tabs = match lang {
                Lang::En => [
                    "Parameters",
                    "Schema",
                    "Data",
                    "Metrics",
                    "Cost",
                    "Model",
                    "Help",
                ],
                Lang::Ko => [
                    "파라미터",
                    "스키마",
                    "데이터",
                    "지표",
                    "비용",
                    "모델",
                    "도움말",
                ],
            };
            for tab in tabs {
                assert!(window.click_on(tab), "{tab}");
                window.steps(2);
            }
        }
        for wire in window.designer().document().wires.clone() {
            select(&mut window, Selection::one(Item::wire(&wire)));
        }
        select(
            &mut window,
            Selection::nodes_of(ids.iter().map(String::as_str)),
        );
        select(&mut window, Selection::default());
    }
}

#[test]
fn an_edit_of_several_nodes_is_one_step_for_all() {
    let mut window = window(&["crawler", "fraud-query"]);
    let steps = window.designer().undo_names().len();
    retype(&mut window, "Run every", "2m");
    window.key(Key::Enter, Modifiers::NONE);
    window.steps(2);
    for node in ["crawler", "fraud-query"] {
        assert_eq!(
            param(&window, node, "schedule_seconds"),
            Some(json!(120)),
            "{node}"
        );
    }
    assert_eq!(window.designer().undo_names().len(), steps + 1);
}

#[test]
fn problems_stand_beside_the_field() {
    let mut window = window(&["enrich"]);
    let edit = crate::designer::edit::Edit::Param {
        nodes: vec!["enrich".to_owned()],
        name: "sql".to_owned(),
        value: Some(json!("SELECT nothing FROM records")),
    };
    window
        .designer_mut()
        .acts
        .borrow_mut()
        .push(Act::Edit(Box::new(edit)));
    window.settle(REST);
    let designer = window.designer_mut();
    let found = std::sync::Arc::clone(designer.checker.latest());
    let problems: Vec<&str> = found
        .of_field("enrich", "sql")
        .map(|p| p.message.as_str())
        .collect();
    assert!(
        problems
            .iter()
            .any(|p| p.contains("there is no column `nothing`")),
        "{problems:?}"
    );
}
