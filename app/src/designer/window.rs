//! The system's window around the designer.

use std::sync::Arc;

use super::files::SystemDialogs;
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
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([960.0, 600.0]),
        ..eframe::NativeOptions::default()
    };
    let setup = Setup {
        file,
        dialogs: Some(Arc::new(SystemDialogs)),
        recovery: eframe::storage_dir("weir").map(|folder| folder.join("recovery")),
        ..Setup::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let designer = Designer::new(&cc.egui_ctx, &setup, cc.storage);
        Ok(Box::new(Window(designer)))
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

struct Window(Designer);

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.0.logic(ctx);
    }
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }
    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.0.store(storage);
    }
}
