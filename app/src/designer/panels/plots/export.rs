//! Saves a plot: a picture cut out of the window, or its figures as CSV.

use std::sync::Arc;

use egui::{ColorImage, Rect, Ui, UserData, ViewportCommand};
use image::ImageEncoder as _;

use super::chart::Chart;
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::files::FileAct;

/// Goes with the request for a picture of the window and comes back with the picture.
#[derive(Debug)]
struct Wanted {
    rect: Rect,
    pixels_per_point: f32,
    name: String,
}

/// Looks after what is being saved.
#[derive(Default)]
pub(super) struct Exporter {
    /// A picture was asked for and has not come yet.
    is_waiting: bool,
}

impl Exporter {
    /// Asks for a picture of what is at `rect`.
    pub(super) fn picture(&mut self, ui: &Ui, rect: Rect, name: &str) {
        let wanted = Wanted {
            rect,
            pixels_per_point: ui.pixels_per_point(),
            name: file_name(name, "png"),
        };
        ui.send_viewport_cmd(ViewportCommand::Screenshot(UserData::new(wanted)));
        self.is_waiting = true;
    }
    /// Saves the figures.
    pub(super) fn figures(cx: &Cx<'_>, name: &str, text: String) {
        let name = file_name(name, "csv");
        cx.act(Act::File(FileAct::Export(name, text.into_bytes())));
    }
    /// Takes pictures that have come.
    pub(super) fn poll(&mut self, ui: &Ui, cx: &Cx<'_>) {
        if !self.is_waiting {
            return;
        }
        let picture = |e: &egui::Event| match e {
            egui::Event::Screenshot {
                image, user_data, ..
            } => Some((Arc::clone(image), user_data.clone())),
            _ => None,
        };
        let pictures: Vec<(Arc<ColorImage>, UserData)> =
            ui.input(|i| i.events.iter().filter_map(picture).collect());
        for (image, data) in pictures {
            let Some(wanted) = data.data.as_ref().and_then(|d| d.downcast_ref::<Wanted>()) else {
                continue;
            };
            self.is_waiting = false;
            let part = image.region(&wanted.rect, Some(wanted.pixels_per_point));
            cx.act(match png(&part) {
                Ok(bytes) => Act::File(FileAct::Export(wanted.name.clone(), bytes)),
                Err(why) => Act::Toast(Tone::Bad, why),
            });
        }
    }
}

/// A name that every file system takes.
fn file_name(title: &str, extension: &str) -> String {
    let plain: String = title
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|w| !w.is_empty()).collect();
    format!("{}.{extension}", words.join("-"))
}

fn png(image: &ColorImage) -> Result<Vec<u8>, String> {
    let size = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
    let (width, height) = (size(image.width())?, size(image.height())?);
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(egui::Color32::to_array)
        .collect();
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&pixels, width, height, image::ColorType::Rgba8.into())
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// The traces as CSV: one line a sample.
pub(super) fn csv(title: &str, chart: &Chart) -> String {
    let mut text = "plot,series,unit,virtual_seconds,value\n".to_owned();
    let unit = quoted(&chart.unit.words());
    let title = quoted(title);
    for trace in &chart.traces {
        let name = quoted(&trace.name);
        for point in trace.data.points() {
            let line = format!(
                "{title},{name},{unit},{},{}\n",
                point.x,
                chart.value(point.y)
            );
            text.push_str(&line);
        }
    }
    text
}

/// A field as RFC 4180 wants it.
pub(super) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_are_safe() {
        assert_eq!(
            file_name("Latency, end to end · p99", "png"),
            "latency-end-to-end-p99.png"
        );
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
