//! SQL over the lakes that the window knows: the run that goes on and those that have ended. Statements run on a thread;
//! a statement over a live lake sees it as it is when it is asked and disturbs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use weir_engine::books::Books;
use weir_engine::lake::{
    Catalog, Database, Lake, MAX_ROWS, QueryStop, SqlProblem, TableInfo, open_run,
};
use weir_engine::session::{ScanCharge, scan_charge};

use super::background::Task;
use super::cx::Cx;
use super::i18n::trf;
use super::live::{PastRun, Phase};

/// A run whose lake can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The run that goes on.
    Live(u64),
    /// One that has ended.
    Past(u64),
}

impl Which {
    /// In words.
    pub(crate) fn label(self, cx: &Cx<'_>) -> String {
        match self {
            Self::Live(n) => trf("data.run_live", &[("n", &n)]),
            Self::Past(n) => {
                let name = past(cx, n).map_or("", |p| p.name.as_str());
                trf("data.run_past", &[("n", &n), ("name", &name)])
            }
        }
    }
    /// Its lake, when it is there.
    pub(crate) fn lake(self, cx: &Cx<'_>) -> Option<Lake> {
        match self {
            Self::Live(_) => cx.run.world.as_ref().map(|w| w.lake.clone()),
            Self::Past(n) => past(cx, n)?.world.as_ref().map(|w| w.lake.clone()),
        }
    }
    /// Prices and quotas of its region.
    fn books(self, cx: &Cx<'_>) -> Option<Arc<Books>> {
        match self {
            Self::Live(_) => cx.run.world.as_ref().map(|w| Arc::clone(&w.books)),
            Self::Past(n) => past(cx, n)?.world.as_ref().map(|w| Arc::clone(&w.books)),
        }
    }
    /// Virtual seconds at which it stands or ended.
    pub(crate) fn now_seconds(self, cx: &Cx<'_>) -> f64 {
        match self {
            Self::Live(_) => cx.run.now_seconds(),
            Self::Past(n) => past(cx, n).map_or(0.0, |p| p.snapshot.now.as_secs_f64()),
        }
    }
}

fn past<'a>(cx: &'a Cx<'_>, number: u64) -> Option<&'a Arc<PastRun>> {
    cx.run.past.iter().find(|p| p.number == number)
}

/// The runs that can be looked at, the newest first.
pub(crate) fn choices(cx: &Cx<'_>) -> Vec<Which> {
    let is_live = cx.run.world.is_some()
        && matches!(cx.run.phase, Phase::Running | Phase::Paused | Phase::Ending);
    let live = is_live.then_some(Which::Live(cx.run.number));
    live.into_iter()
        .chain(cx.run.past.iter().rev().map(|p| Which::Past(p.number)))
        .collect()
}

/// The run that is looked at: the one that was chosen while it is there, else the newest. What was live is looked at on when
/// it has ended.
pub(crate) fn settle(chosen: Option<Which>, choices: &[Which]) -> Option<Which> {
    let ended = match chosen {
        // The newest run goes on being looked at, whatever it is.
        Some(Which::Live(n)) => Some(Which::Past(n)),
        _ => None,
    };
    let kept = chosen
        .filter(|c| choices.contains(c))
        .or_else(|| ended.filter(|c| choices.contains(c)));
    kept.or_else(|| choices.first().copied())
}

/// A chooser of the run. It says which without offering a choice when there is only one.
pub(crate) fn chooser(
    ui: &mut egui::Ui,
    cx: &Cx<'_>,
    id: &str,
    now: Which,
    all: &[Which],
) -> Option<Which> {
    if all.len() < 2 {
        let text = egui::RichText::new(now.label(cx)).color(super::theme::theme().secondary);
        ui.add(egui::Label::new(text).truncate());
        return None;
    }
    let mut chosen = None;
    egui::ComboBox::new(("weir-run-of", id), "")
        .selected_text(now.label(cx))
        .width(180.0)
        .truncate()
        .show_ui(ui, |ui| {
            for which in all {
                if ui
                    .selectable_label(*which == now, which.label(cx))
                    .clicked()
                    && *which != now
                {
                    chosen = Some(*which);
                }
            }
        });
    chosen
}

/// What a statement gave.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) batch: RecordBatch,
    /// Rows of the whole result; `batch` may hold fewer.
    pub(crate) rows: u64,
    pub(crate) truncated: bool,
    pub(crate) bytes_scanned: u64,
    pub(crate) files: u64,
    pub(crate) partitions_read: u64,
    pub(crate) partitions_total: u64,
    pub(crate) charge: Option<ScanCharge>,
}

/// A statement that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) sql: String,
    pub(crate) which: Which,
    pub(crate) outcome: Result<Rows, SqlProblem>,
    /// How long it took on this machine.
    pub(crate) took: Duration,
}

/// A statement that runs.
#[derive(Debug)]
struct Running {
    began: Instant,
    stop: QueryStop,
}

/// The database of one run at a time, and one statement at a time.
#[derive(Default)]
pub(crate) struct Queries {
    opened: Option<(Which, Result<Arc<Database>, String>)>,
    opening: Task<(Which, Result<Arc<Database>, String>)>,
    /// Tables of the catalog that they were read from.
    tables: Vec<TableInfo>,
    tables_of: Option<(Which, Arc<Catalog>)>,
    running: Option<Running>,
    answer: Task<Answer>,
}

impl Queries {
    /// Makes the database of `which` ready. `Ok(true)` when it is.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(crate) fn open(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        which: Which,
    ) -> Result<bool, String> {
        if let Some(done) = self.opening.poll() {
            self.opened = Some(done);
        }
        match &self.opened {
            Some((w, Ok(_))) if *w == which => return Ok(true),
            Some((w, Err(why))) if *w == which => return Err(why.clone()),
            _ if self.opening.is_running() => return Ok(false),
            _ => {}
        }
        match which {
            Which::Live(_) => {
                let Some(lake) = which.lake(cx) else {
                    return Ok(false);
                };
                let database = Database::live(&lake)
                    .map(Arc::new)
                    .map_err(|e| e.to_string());
                self.opened = Some((which, database));
                Ok(true)
            }
            Which::Past(n) => {
                let Some(run) = past(cx, n).cloned() else {
                    return Ok(false);
                };
                self.opening.start(ctx, "open-run", move || {
                    (
                        which,
                        open_run(&run.folder)
                            .map(Arc::new)
                            .map_err(|e| e.to_string()),
                    )
                })?;
                Ok(false)
            }
        }
    }
    fn database(&self, which: Which) -> Option<&Arc<Database>> {
        match &self.opened {
            Some((w, Ok(database))) if *w == which => Some(database),
            _ => None,
        }
    }
    /// The tables of `which` as they are now; read again only when the catalog has changed.
    pub(crate) fn tables(&mut self, which: Which) -> &[TableInfo] {
        if let Some(database) = self.database(which).cloned() {
            let catalog = database.lake().catalog();
            let is_same = self
                .tables_of
                .as_ref()
                .is_some_and(|(w, c)| *w == which && Arc::ptr_eq(c, &catalog));
            if !is_same {
                self.tables = database.describe();
                self.tables_of = Some((which, catalog));
            }
        }
        &self.tables
    }
    /// Runs `sql` over `which`, which must be open. One that still runs is given up.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn ask(
        &mut self,
        ctx: &egui::Context,
        cx: &Cx<'_>,
        which: Which,
        sql: String,
    ) -> Result<(), String> {
        self.cancel();
        let Some(database) = self.database(which).cloned() else {
            return Ok(());
        };
        let (stop, books) = (QueryStop::new(), which.books(cx));
        let (began, stopped) = (Instant::now(), stop.clone());
        self.answer.start(ctx, "query", move || {
            let outcome = run(&database, books.as_deref(), &sql, &stopped);
            Answer {
                sql,
                which,
                outcome,
                took: began.elapsed(),
            }
        })?;
        self.running = Some(Running { began, stop });
        Ok(())
    }
    /// Gives up the statement that runs.
    pub(crate) fn cancel(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.stop();
            self.answer.forget();
        }
    }
    /// The answer, once.
    pub(crate) fn poll(&mut self) -> Option<Answer> {
        let answer = self.answer.poll();
        if !self.answer.is_running() {
            self.running = None;
        }
        answer
    }
    /// How long the statement has been running.
    pub(crate) fn running(&self) -> Option<Duration> {
        self.running.as_ref().map(|r| r.began.elapsed())
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn run(
    database: &Database,
    books: Option<&Books>,
    sql: &str,
    stop: &QueryStop,
) -> Result<Rows, SqlProblem> {
    let result = database.query_or_stop(sql, MAX_ROWS, stop)?;
    let batch = concat_batches(&result.schema, &result.batches)?;
    let charge = books.and_then(|b| scan_charge(b, sql, result.bytes_scanned).ok());
    Ok(Rows {
        batch,
        rows: result.rows,
        truncated: result.truncated,
        bytes_scanned: result.bytes_scanned,
        files: result.files,
        partitions_read: result.partitions_read,
        partitions_total: result.partitions_total,
        charge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_live_is_looked_at_on_when_it_has_ended() {
        let (live, past) = (Which::Live(3), Which::Past(3));
        assert_eq!(settle(None, &[live, Which::Past(2)]), Some(live));
        assert_eq!(
            settle(Some(Which::Past(2)), &[live, Which::Past(2)]),
            Some(Which::Past(2))
        );
        assert_eq!(settle(Some(live), &[past, Which::Past(2)]), Some(past));
        assert_eq!(settle(Some(live), &[Which::Past(2)]), Some(Which::Past(2)));
        assert_eq!(settle(Some(live), &[]), None);
    }
}
