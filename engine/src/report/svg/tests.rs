//! Pictures: ticks that people read, texts that cannot break out, values without a place.

use std::collections::BTreeMap;

use super::*;
use crate::document::Document;
use crate::services;

#[test]
fn values_are_short_at_ticks() {
    let of = |u: &str| Unit::Of(u.to_owned());
    for (value, unit, wanted) in [
        (0.0, of("records/s"), "0"),
        (1_500.0, of("records/s"), "1.5k"),
        (2_000_000.0, of("B"), "2M"),
        (0.25, of(""), "0.25"),
        (12.34, Unit::Percent, "12.3 %"),
        (0.5, Unit::Usd, "$0.5"),
        (3_200.0, Unit::Usd, "$3.2k"),
        (-5.0, Unit::Usd, "-$5"),
        (90.0, Unit::Seconds, "1.5 m"),
        (45.0, Unit::Seconds, "45 s"),
        (7_200.0, Unit::Seconds, "2 h"),
        (172_800.0, Unit::Seconds, "2 d"),
        (250.0, Unit::Millis, "250 ms"),
        (2_500.0, Unit::Millis, "2.5 s"),
        (120_000.0, Unit::Millis, "2 m"),
    ] {
        assert_eq!(short(value, &unit), wanted);
    }
}

#[test]
fn theme_has_a_colour_for_every_category() {
    let p = paint();
    assert!(p.text.starts_with('#') && p.panel.starts_with('#'));
    for kind in services::ALL {
        let id = category_id(kind.spec().category);
        assert!(p.category.contains_key(&id), "{id}");
    }
}

fn plot(points: Vec<[f64; 2]>, shape: Shape) -> Plot {
    let mut plot = Plot::new(
        "<b>&\"title\"",
        Axis::time("Virtual time", 60.0),
        Axis::new("Rate", Unit::Of("records/s".to_owned())),
    );
    plot.series.push(Series {
        name: "<script>alert(1)</script>".to_owned(),
        color: "#123456".to_owned(),
        shape,
        points,
        ..Series::default()
    });
    plot.series.push(Series {
        name: "second".to_owned(),
        color: "#654321".to_owned(),
        ..Series::default()
    });
    plot
}

#[test]
fn texts_cannot_break_out_of_a_plot() {
    let svg = plot(vec![[0.0, 1.0], [60.0, 2.0]], Shape::Line).to_svg();
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;script&gt;"));
    assert!(svg.contains("&lt;b&gt;&amp;&quot;title&quot;"));
}

#[test]
fn values_without_a_place_leave_no_trace() {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -1.0,
        1e300,
        1e-300,
    ];
    for shape in [
        Shape::Line,
        Shape::Steps,
        Shape::Area,
        Shape::Dots,
        Shape::Front,
    ] {
        for log in [false, true] {
            for x in odd {
                let points = odd.iter().map(|y| [x, *y]).collect();
                let mut plot = plot(points, shape);
                if log {
                    plot.y = plot.y.log();
                    plot.x = plot.x.log();
                }
                let svg = plot.to_svg();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
    let empty = plot(Vec::new(), Shape::Line).to_svg();
    assert!(empty.contains("<svg") && empty.ends_with("</svg>"));
}

#[test]
fn peaks_survive_a_million_points_and_the_picture_stays_small() {
    let mut points: Vec<[f64; 2]> = (0..1_000_000_u32).map(|i| [f64::from(i), 1.0]).collect();
    points[777_777][1] = 1_000.0;
    let svg = plot(points, Shape::Line).to_svg();
    assert!(svg.len() < 20_000, "{} bytes", svg.len());
    // The axis reaches the peak, and the line its top.
    assert!(svg.contains(">1k<"), "{svg}");
    assert!(svg.contains(" 24L") || svg.contains(" 24H"), "{svg}");
}

#[test]
fn drawing_shows_every_node_and_escapes_its_texts() {
    let text = r#"{ "weir": 1, "name": "<x>&", "nodes": [
        { "id": "a", "kind": "producer", "title": "</text><script>", "at": [0, 0] },
        { "id": "b", "kind": "kinesis-data-streams", "at": [300, 20] },
        { "id": "c", "kind": "nothing-known", "at": [600, -50], "disabled": true } ],
        "wires": [ { "from": "a.out", "to": "b.in" }, { "from": "b.out", "to": "c.in" }, { "from": "b.metrics", "to": "gone.in" } ],
        "notes": [ { "id": "n", "at": [0, 200], "text": "one <two> three" } ],
        "frames": [ { "id": "f", "at": [-20, -20], "size": [300, 200], "title": "<f>", "color": "teal" } ] }"#;
    let doc = Document::parse(text).unwrap();
    let faces = BTreeMap::from([(
        "b".to_owned(),
        NodeFace {
            lines: vec!["<3,000 records/s".to_owned()],
            limit: Some(0.99),
            ring: None,
        },
    )]);
    let drawing = Drawing {
        doc: &doc,
        kinds: services::ALL,
        korean: false,
        faces: &faces,
    };
    let svg = drawing.to_svg();
    assert!(!svg.contains("<script"), "{svg}");
    for wanted in [
        "&lt;/text&gt;",
        "nothing-known",
        "Kinesis",
        "&lt;3,000",
        "one &lt;two&gt;",
        &paint().red,
    ] {
        assert!(svg.contains(wanted), "{wanted}: {svg}");
    }
    let korean = Drawing {
        korean: true,
        ..drawing
    }
    .to_svg();
    assert_ne!(svg, korean);
    let nothing = Document::parse(r#"{ "weir": 1, "name": "empty" }"#).unwrap();
    assert!(
        Drawing {
            doc: &nothing,
            ..drawing
        }
        .to_svg()
        .contains("<svg")
    );
}
