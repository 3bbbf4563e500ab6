//! One frame of the window: menu and run bar above, palette left, panes in the middle, inspector right, status below.

use egui::{Panel, Ui};
use egui_tiles::{Behavior, SimplificationOptions, TileId, UiResponse};

use super::command::{COMMANDS, Command, Group, take_shortcuts};
use super::cx::{Act, Cx};
use super::i18n::set_lang;
use super::panes::Pane;
use super::presenter;
use super::regions::Region;
use super::theme::{apply, theme};
use super::{Designer, Parts};

impl Designer {
    /// Draws the window and takes input.
    pub fn ui(&mut self, ui: &mut Ui) {
        set_lang(self.prefs.lang);
        apply(ui.ctx(), self.prefs.dark, self.prefs.motion);
        self.fit_screen(ui.ctx());
        self.files_frame(ui.ctx());
        let blocked = self.dialogs.is_modal();
        self.dialogs.keys(ui.ctx());
        if self.presenter && !blocked {
            let asked = presenter::keys(ui.ctx(), &self.live.view.phase);
            self.acts.borrow_mut().extend(asked);
        }
        let commands = if blocked {
            Vec::new()
        } else {
            take_shortcuts(ui.ctx())
        };
        self.acts
            .borrow_mut()
            .extend(commands.into_iter().map(Act::Do));
        self.with_cx(|parts, cx| layout(ui, parts, cx));
        self.dispatch(ui.ctx());
        self.close_if_decided(ui.ctx());
    }
}

impl Designer {
    /// Scale of the interface; presenter mode takes the whole screen and shows everything larger.
    fn fit_screen(&mut self, ctx: &egui::Context) {
        let factor = if self.presenter {
            theme().shape.presenter
        } else {
            1.0
        };
        let scale = self.prefs.scale * factor;
        if (ctx.zoom_factor() - scale).abs() > 1e-3 {
            ctx.set_zoom_factor(scale);
        }
        if self.presented.is_some() != self.presenter {
            ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(self.presenter));
        }
        // The scale takes effect with the next frame, the whole screen when the system gives it.
        let size = self.presenter.then(|| ctx.content_rect().size());
        if self.presented != size {
            match (self.presented, size) {
                (None, _) => self.canvas.keep_view(),
                (_, None) => self.canvas.return_to_view(),
                _ => {}
            }
            self.presented = size;
            if size.is_some() {
                self.canvas.fit_soon();
            }
        }
    }
}

/// Presenter mode: run bar, drawing, what is happening, plots.
fn presenting(ui: &mut Ui, parts: &mut Parts<'_>, cx: &Cx<'_>) {
    Panel::top("weir-run-bar")
        .frame(bar(8))
        .show(ui, |ui| parts.panels.run_bar.show(ui, cx));
    let height = ui.available_height() * 0.36;
    Panel::bottom("weir-presenter-plots")
        .exact_size(height)
        .resizable(false)
        .frame(side())
        .show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            parts.panels.show(Pane::Plots, ui, cx);
        });
    Panel::bottom("weir-caption")
        .frame(bar(8))
        .show(ui, |ui| presenter::caption(ui, cx));
    egui::CentralPanel::no_frame().show(ui, |ui| {
        ui.painter().rect_filled(ui.max_rect(), 0.0, theme().canvas);
        parts.canvas.show(ui, cx);
    });
}

fn layout(ui: &mut Ui, parts: &mut Parts<'_>, cx: &Cx<'_>) {
    parts.panels.scenario.tick(cx);
    if cx.presenter {
        presenting(ui, parts, cx);
    } else {
        docked(ui, parts, cx);
    }
    parts.dialogs.show(ui, cx);
    parts.toasts.show(ui);
}

/// The window as it is mostly: everything around the panes.
fn docked(ui: &mut Ui, parts: &mut Parts<'_>, cx: &Cx<'_>) {
    Panel::top("weir-menu")
        .frame(bar(6))
        .show(ui, |ui| menu(ui, cx));
    let run_bar = Panel::top("weir-run-bar")
        .frame(bar(8))
        .show(ui, |ui| parts.panels.run_bar.show(ui, cx));
    Region::RunBar.mark(ui.ctx(), run_bar.response.rect);
    Panel::bottom("weir-status")
        .frame(bar(4))
        .show(ui, |ui| parts.panels.status.show(ui, cx));
    if cx.prefs.palette {
        Panel::left("weir-palette")
            .default_size(188.0)
            .size_range(140.0..=320.0)
            .frame(side())
            .show(ui, |ui| parts.panels.palette.show(ui, cx));
    }
    if cx.prefs.inspector {
        let inspector = Panel::right("weir-inspector")
            .default_size(328.0)
            .size_range(260.0..=640.0)
            .frame(side())
            .show(ui, |ui| parts.inspector.show(ui, cx));
        Region::Inspector.mark(ui.ctx(), inspector.response.rect);
    }
    egui::CentralPanel::no_frame().show(ui, |ui| {
        ui.painter().rect_filled(ui.max_rect(), 0.0, theme().canvas);
        let Parts {
            panes,
            canvas,
            panels,
            ..
        } = parts;
        let mut behavior = Docked { cx, canvas, panels };
        panes.ui(&mut behavior, ui);
    });
}

fn bar(vertical: i8) -> egui::Frame {
    egui::Frame::new()
        .fill(theme().panel)
        .inner_margin(egui::Margin::symmetric(12, vertical))
}

fn side() -> egui::Frame {
    egui::Frame::new()
        .fill(theme().panel)
        .inner_margin(egui::Margin::same(12))
}

fn menu(ui: &mut Ui, cx: &Cx<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        for group in Group::ALL {
            ui.menu_button(group.title(), |ui| {
                ui.set_min_width(280.0);
                for spec in COMMANDS.iter().filter(|s| s.group == group) {
                    entry(ui, cx, spec.command);
                }
            });
        }
    });
}

/// One command in a menu, with its shortcut.
fn entry(ui: &mut Ui, cx: &Cx<'_>, command: Command) {
    let button = egui::Button::new(super::dispatch::title(command, cx))
        .shortcut_text(command.shortcut_text(ui.ctx()))
        .wrap_mode(egui::TextWrapMode::Extend);
    if ui
        .add_enabled(super::dispatch::is_enabled(command, cx), button)
        .clicked()
    {
        cx.act(Act::Do(command));
        ui.close();
    }
}

/// Draws the panes where they are docked.
struct Docked<'a, 'b> {
    cx: &'a Cx<'b>,
    canvas: &'a mut super::canvas::Canvas,
    panels: &'a mut super::panels::Panels,
}

impl Behavior<Pane> for Docked<'_, '_> {
    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        Region::Pane(*pane).mark(ui.ctx(), ui.max_rect());
        if *pane == Pane::Canvas {
            self.canvas.show(ui, self.cx);
        } else {
            let frame = egui::Frame::new()
                .fill(theme().panel)
                .inner_margin(egui::Margin::same(8));
            frame.show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                self.panels.show(*pane, ui, self.cx);
            });
        }
        UiResponse::None
    }
    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: false,
            ..SimplificationOptions::default()
        }
    }
    fn tab_bar_color(&self, _visuals: &egui::Visuals) -> egui::Color32 {
        theme().panel
    }
    fn tab_bg_color(
        &self,
        _: &egui::Visuals,
        _: &egui_tiles::Tiles<Pane>,
        _: TileId,
        state: &egui_tiles::TabState,
    ) -> egui::Color32 {
        if state.active {
            theme().raised
        } else {
            theme().panel
        }
    }
    fn tab_text_color(
        &self,
        _: &egui::Visuals,
        _: &egui_tiles::Tiles<Pane>,
        _: TileId,
        state: &egui_tiles::TabState,
    ) -> egui::Color32 {
        if state.active {
            theme().text
        } else {
            theme().secondary
        }
    }
    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }
    fn resize_stroke(&self, _style: &egui::Style, state: egui_tiles::ResizeState) -> egui::Stroke {
        match state {
            egui_tiles::ResizeState::Idle => theme().hairline(),
            _ => egui::Stroke::new(2.0, theme().accent),
        }
    }
}
