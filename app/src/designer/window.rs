//! The system's window around the designer.

use std::sync::Arc;

use super::files::SystemDialogs;
use super::settings::Settings;
use super::{Designer, Setup};
use crate::failure::Failure;

/// Opens the designer, with `file` when there is one, and returns when it was closed.
///
/// # Errors
/// When the system gives no window; the sentence says what still works without one.
pub(crate) fn open(file: Option<String>) -> Result<(), Failure> {
    let options = eframe::NativeOptions {
        renderer: eframe::Renderer::Glow,
        viewport: egui::ViewportBuilder::default()
            .with_title("Weir")
            .with_app_id("weir")
            .with_inner_size(SIZE)
            .with_min_inner_size([960.0, 600.0]),
        ..eframe::NativeOptions::default()
    };
    let setup = Setup {
        file,
        dialogs: Some(Arc::new(SystemDialogs)),
        recovery: eframe::storage_dir("weir").map(|folder| folder.join("recovery")),
        ..Setup::default()
    };
    let settings = eframe::storage_dir("weir").map(|folder| folder.join("settings.json"));
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let settings = Settings::open(settings);
        // Until there is a file of our own, what the window library kept is what was chosen.
        let chosen: Option<&dyn eframe::Storage> = if settings.is_empty() {
            cc.storage
        } else {
            Some(&settings)
        };
        let designer = Designer::new(&cc.egui_ctx, &setup, chosen);
        Ok(Box::new(Window {
            designer,
            settings,
            is_fitted: false,
        }))
    });
    eframe::run_native("weir", options, create).map_err(|e| {
        let why = match e {
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                "the system offers no display".to_owned()
            }
            other => other.to_string(),
        };
        Failure::new(format!(
            "no window can be opened ({why}): `weir run`, `weir check` and the other commands work without one, see `weir --help`"
        ))
    })
}

struct Window {
    designer: Designer,
    settings: Settings,
    /// The screen's size is known only when the window stands on it.
    is_fitted: bool,
}

/// The window's size at the first start, in points, when the screen is larger.
const SIZE: [f32; 2] = [1440.0, 900.0];
/// What systems take of a screen for a window's title and their own bars, in points.
const BARS: f32 = 80.0;

/// Fills the screen when the first window would reach beyond it: what lies outside cannot be seen, and the title is not counted by the system.
fn fit(ctx: &egui::Context) -> bool {
    let Some(screen) = ctx.input(|i| i.viewport().monitor_size) else {
        return false;
    };
    if screen.x < SIZE[0] || screen.y < SIZE[1] + BARS {
        ctx.send_viewport_cmd(egui::ViewportCommand::Maximized(true));
    }
    true
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if !self.is_fitted {
            self.is_fitted = fit(ctx);
        }
        self.designer.logic(ctx);
    }
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.designer.ui(ui);
    }
    fn save(&mut self, _library: &mut dyn eframe::Storage) {
        self.designer.store(&mut self.settings);
        if let Some((file, why)) = self.settings.write() {
            self.designer.cannot_keep(&file, &why);
        }
    }
}
