//! Saves a plot: a picture cut out of the window, or its figures as CSV. Dialogs and files wait on threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use egui::{ColorImage, Rect, Ui, UserData, ViewportCommand};

use super::chart::Chart;
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::i18n::{lang, set_lang, tr, trf};

/// Goes with the request for a picture of the window and comes back with the picture.
#[derive(Debug)]
struct Wanted {
    rect: Rect,
    pixels_per_point: f32,
    name: String,
}

/// Looks after what is being saved.
pub(super) struct Exporter {
    done: Receiver<Result<PathBuf, String>>,
    tell: Sender<Result<PathBuf, String>>,
    /// A picture was asked for and has not come yet.
    is_waiting: bool,
}

impl Default for Exporter {
    fn default() -> Self {
        let (tell, done) = channel();
        Self {
            done,
            tell,
            is_waiting: false,
        }
    }
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
    pub(super) fn figures(&self, ui: &Ui, name: &str, text: String) {
        let file = file_name(name, "csv");
        self.save(ui, file, "csv", move |path| {
            std::fs::write(path, text).map_err(|e| e.to_string())
        });
    }
    /// Takes pictures that have come, and tells what was saved.
    pub(super) fn poll(&mut self, ui: &Ui, cx: &Cx<'_>) {
        while let Ok(saved) = self.done.try_recv() {
            cx.act(match saved {
                Ok(path) => {
                    Act::Toast(Tone::Good, trf("plots.saved", &[("path", &path.display())]))
                }
                Err(why) => Act::Toast(Tone::Bad, why),
            });
        }
        if !self.is_waiting {
            return;
        }
        let pictures: Vec<(Arc<ColorImage>, UserData)> = ui.input(|i| {
            i.events
                .iter()
                .filter_map(|e| match e {
                    egui::Event::Screenshot {
                        image, user_data, ..
                    } => Some((Arc::clone(image), user_data.clone())),
                    _ => None,
                })
                .collect()
        });
        for (image, data) in pictures {
            let Some(wanted) = data.data.as_ref().and_then(|d| d.downcast_ref::<Wanted>()) else {
                continue;
            };
            self.is_waiting = false;
            let part = image.region(&wanted.rect, Some(wanted.pixels_per_point));
            self.save(ui, wanted.name.clone(), "png", move |path| {
                write_png(path, &part)
            });
        }
    }
    fn save(
        &self,
        ui: &Ui,
        name: String,
        extension: &'static str,
        write: impl FnOnce(&Path) -> Result<(), String> + Send + 'static,
    ) {
        let (tell, ctx, language) = (self.tell.clone(), ui.ctx().clone(), lang());
        let work = move || {
            set_lang(language);
            let dialog = rfd::FileDialog::new()
                .set_file_name(name)
                .add_filter(extension, &[extension]);
            if let Some(path) = dialog.save_file() {
                let failed = |why: String| {
                    trf(
                        "plots.not_saved",
                        &[("path", &path.display()), ("why", &why)],
                    )
                };
                let result = write(&path).map(|()| path.clone()).map_err(failed);
                let _closed = tell.send(result);
                ctx.request_repaint();
            }
        };
        if std::thread::Builder::new()
            .name("weir-save".to_owned())
            .spawn(work)
            .is_err()
        {
            let _closed = self.tell.send(Err(tr("plots.no_thread").to_owned()));
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

fn write_png(path: &Path, image: &ColorImage) -> Result<(), String> {
    let size = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
    let (width, height) = (size(image.width())?, size(image.height())?);
    let bytes: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(egui::Color32::to_array)
        .collect();
    image::save_buffer(path, &bytes, width, height, image::ColorType::Rgba8)
        .map_err(|e| e.to_string())
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
