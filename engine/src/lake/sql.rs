//! What all SQL shares: the session that plans it, what a statement may hold, and problems in words.
//!
//! One partition everywhere: rows come in one order whatever the machine. No function reads the clock or draws numbers
//! unless the caller gives the clock. There is no object store at all, so that no plan reads anything but our sources.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::config::Dialect;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::prelude::{SQLOptions, SessionConfig};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectName, Query, SelectItem, SetExpr, VisitMut as _, VisitorMut,
};

use super::error::{LakeError, SqlProblem};

/// The catalog's name, as Athena has it.
pub(super) const CATALOG: &str = "awsdatacatalog";
/// Longest statement. Source: <https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>.
pub(super) const SQL_BYTES_MAX: usize = 262_144;
/// Largest number that functions which make text or lists from nothing may be given.
const MADE_MAX: i128 = 10_000;
/// Such functions.
const MAKERS: [&str; 7] = [
    "repeat",
    "lpad",
    "rpad",
    "range",
    "generate_series",
    "array_repeat",
    "array_resize",
];

static BASE: LazyLock<SessionState> = LazyLock::new(|| {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(8_192)
        .with_information_schema(false)
        .with_collect_statistics(false)
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    options.execution.parquet.schema_force_view_types = false;
    // A recursion without an end would never give its thread back.
    options.execution.enable_recursive_ctes = false;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_session_id("weir".to_owned())
        .with_default_features();
    // Series of any length would be there for the asking; tables of the lake are all there is.
    if let Some(functions) = builder.table_functions() {
        functions.clear();
    }
    if let Some(functions) = builder.scalar_functions() {
        functions.extend(super::trino::functions());
    }
    if let Some(functions) = builder.window_functions() {
        functions.extend(super::anomaly::functions());
    }
    builder.build()
});

/// True for the name of a function of the engine, in small letters.
pub(super) fn is_function(name: &str) -> bool {
    BASE.scalar_functions().contains_key(name)
        || BASE.aggregate_functions().contains_key(name)
        || BASE.window_functions().contains_key(name)
}

/// True for the name of an aggregate function, in any letter case.
pub(super) fn is_aggregate(name: &str) -> bool {
    BASE.aggregate_functions()
        .contains_key(&name.to_lowercase())
}

/// The address under which scans name their (absent) object store.
pub(super) fn store_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("weir://lake").unwrap_or_else(|_| ObjectStoreUrl::local_filesystem())
}

/// A runtime of `memory` bytes that cannot reach any file: no store, no spilling.
pub(super) fn runtime(memory: usize) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let env = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        )
        .with_object_list_cache_limit(0)
        .with_file_statistics_cache_limit(0)
        .with_metadata_cache_limit(0)
        .build_arc()?;
    env.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    env.register_object_store(
        store_url().as_ref(),
        Arc::new(object_store::memory::InMemory::new()),
    );
    Ok(env)
}

/// A session over these databases of tables.
pub(super) fn session(
    databases: BTreeMap<String, Tables>,
    default_database: &str,
    memory: usize,
) -> Result<SessionState, DataFusionError> {
    let catalog = Arc::new(OneCatalog { databases });
    let list = datafusion::catalog::MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(&list, CATALOG.to_owned(), catalog);
    let config = BASE
        .config()
        .clone()
        .with_default_catalog_and_schema(CATALOG, default_database);
    Ok(SessionStateBuilder::new_from_existing(BASE.clone())
        .with_config(config)
        .with_catalog_list(Arc::new(list))
        .with_runtime_env(runtime(memory)?)
        .build())
}

/// Tables of one database by their lower-case names.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables(pub(super) BTreeMap<String, Arc<dyn TableProvider>>);

#[derive(Debug)]
struct OneCatalog {
    databases: BTreeMap<String, Tables>,
}

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.databases.keys().cloned().collect()
    }
    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let tables = self.databases.get(&name.to_lowercase())?;
        Some(Arc::new(tables.clone()))
    }
}

#[async_trait::async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self.0.get(&name.to_lowercase()).cloned())
    }
    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }
}

/// Parses one statement and refuses everything that is not a query (or `EXPLAIN` of one).
pub(super) fn parse(sql: &str) -> Result<Statement, SqlProblem> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(SqlProblem::new(
            "the statement is longer than 262,144 bytes; shorten it",
        ));
    }
    let mut statement = BASE
        .sql_to_statement(sql, &Dialect::Generic)
        .map_err(|e| problem(&e))?;
    let mut nothing = Nothing(None);
    visit(&mut statement, &mut nothing);
    if let Some((line, column)) = nothing.0 {
        let problem = SqlProblem::new("nothing is selected; write * or columns after SELECT");
        return Err(problem.at(line, column));
    }
    let refused = |what: &str| {
        Err(SqlProblem::new(format!(
            "{what} is not possible here: only SELECT, EXPLAIN and Athena's statements about tables run over a lake; rows are \
             changed by writing them anew"
        )))
    };
    match &statement {
        Statement::Statement(inner) => match inner.as_ref() {
            ast::Statement::Query(_) => Ok(statement),
            ast::Statement::Explain { analyze: false, .. } => Ok(statement),
            ast::Statement::Explain { .. } => {
                refused("EXPLAIN ANALYZE, which prints times of this machine,")
            }
            other => refused(&first_words(&other.to_string())),
        },
        Statement::Explain(explain) if !explain.options.analyze => match explain.statement.as_ref()
        {
            Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)) => {
                Ok(statement)
            }
            _ => refused("EXPLAIN of anything but a query"),
        },
        Statement::Explain(_) => refused("EXPLAIN ANALYZE, which prints times of this machine,"),
        Statement::CreateExternalTable(_) => refused("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refused("COPY"),
        Statement::Reset(_) => refused("RESET"),
    }
}

fn first_words(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().take(2).collect();
    words.join(" ").to_uppercase()
}

/// One table that a statement names, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The database, when it is written.
    pub(super) database: Option<String>,
    pub(super) table: String,
    pub(super) place: Option<(u32, u32)>,
}

/// The tables that a statement names, without those that it defines itself (`WITH`).
pub(super) fn references(statement: &mut Statement) -> Result<Vec<Reference>, SqlProblem> {
    let found = BASE
        .resolve_table_references(statement)
        .map_err(|e| problem(&e))?;
    let mut places = Places::default();
    visit(statement, &mut places);
    let mut all: Vec<Reference> = Vec::new();
    for reference in found {
        if let Some(catalog) = reference.catalog()
            && !catalog.eq_ignore_ascii_case(CATALOG)
        {
            return Err(SqlProblem::new(format!(
                "there is no catalog `{catalog}`; leave it out or write {CATALOG}"
            )));
        }
        let table = reference.table().to_lowercase();
        let one = Reference {
            database: reference.schema().map(str::to_lowercase),
            place: places.0.get(&table).copied(),
            table,
        };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

/// Where each relation's last name stands first.
#[derive(Default)]
struct Places(BTreeMap<String, (u32, u32)>);

impl VisitorMut for Places {
    type Break = ();
    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        let last = relation.0.last().and_then(|p| p.as_ident());
        if let Some(ident) = last {
            let at = ident.span.start;
            let place = (narrow(at.line), narrow(at.column));
            self.0.entry(ident.value.to_lowercase()).or_insert(place);
        }
        ControlFlow::Continue(())
    }
}

/// Writes columns in the letter case that the tables have, since SQL in Athena ignores it.
pub(super) fn match_case<'a>(
    statement: &mut Statement,
    columns: impl IntoIterator<Item = &'a str>,
) {
    let mut exact = BTreeMap::new();
    for name in columns {
        let lower = name.to_lowercase();
        if lower != name {
            exact.insert(lower, name.to_owned());
        }
    }
    if !exact.is_empty() {
        visit(statement, &mut CaseMatcher(exact));
    }
}

fn visit<V: VisitorMut>(statement: &mut Statement, visitor: &mut V) {
    let inner = match statement {
        Statement::Statement(inner) => inner.as_mut(),
        Statement::Explain(explain) => return visit(&mut explain.statement, visitor),
        _ => return,
    };
    if inner.visit(visitor).is_break() {
        // The visitors here look at everything; none breaks off.
    }
}

/// Where a SELECT without columns stands. The parser knows dialects that have it; Athena's has not.
struct Nothing(Option<(u32, u32)>);

impl Nothing {
    fn look(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) if select.projection.is_empty() => {
                let at = select.select_token.0.span.start;
                let place = (narrow(at.line), narrow(at.column));
                self.0.get_or_insert(place);
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.look(left);
                self.look(right);
            }
            _ => {}
        }
    }
}

impl VisitorMut for Nothing {
    type Break = ();
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.look(&query.body);
        ControlFlow::Continue(())
    }
}

struct CaseMatcher(BTreeMap<String, String>);

impl CaseMatcher {
    fn ident(&self, ident: &mut Ident) {
        if let Some(exact) = self.0.get(&ident.value.to_lowercase()) {
            ident.value.clone_from(exact);
            ident.quote_style = Some('"');
        }
    }
}

impl VisitorMut for CaseMatcher {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        match expr {
            ast::Expr::Identifier(ident) => self.ident(ident),
            ast::Expr::CompoundIdentifier(parts) => {
                if let Some(last) = parts.last_mut() {
                    self.ident(last);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            for item in &mut select.projection {
                if let SelectItem::ExprWithAlias { alias, .. } = item {
                    self.ident(alias);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What expressions may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// True when `now()` and its like have a clock to read.
    pub(super) clock: bool,
}

/// Refuses statements in disguise, functions whose result is not a function of the rows, and makers of huge values.
pub(super) fn check_plan(plan: &LogicalPlan, rules: Rules) -> Result<(), SqlProblem> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|e| problem(&e))?;
    let mut fault = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                fault = fault.take().or_else(|| function_fault(e, rules));
                Ok(if fault.is_some() {
                    TreeNodeRecursion::Stop
                } else {
                    TreeNodeRecursion::Continue
                })
            })
        })
    });
    walked.map_err(|e| problem(&e))?;
    fault.map_or(Ok(()), |why| Err(SqlProblem::new(why)))
}

fn function_fault(expr: &Expr, rules: Rules) -> Option<String> {
    if let Expr::AggregateFunction(call) = expr
        && matches!(call.func.name(), "array_agg" | "string_agg")
        && call.params.distinct
        && call.params.order_by.is_empty()
    {
        // The library collects distinct values in a set whose order differs from run to run.
        return Some(format!(
            "{}(DISTINCT …) has no order of its own; write ORDER BY inside it",
            call.func.name()
        ));
    }
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let name = call.func.name();
    match call.func.signature().volatility {
        Volatility::Volatile => {
            return Some(format!(
                "{name}() gives another result each time, so the run could not be repeated; use a column of the records"
            ));
        }
        Volatility::Stable if !rules.clock && is_clock(name) => {
            return Some(format!(
                "{name}() reads a clock, so the run could not be repeated; use a time column of the records"
            ));
        }
        _ => {}
    }
    if !MAKERS.contains(&name) {
        return None;
    }
    let from = usize::from(!matches!(name, "range" | "generate_series"));
    let fits = |arg: &Expr| match arg {
        Expr::Literal(value, _) => literal_number(value).is_none_or(|n| n.abs() <= MADE_MAX),
        Expr::Negative(inner) => matches!(inner.as_ref(), Expr::Literal(..)),
        _ => false,
    };
    let nested = call.args.iter().any(|arg| {
        let found = arg.exists(|e| {
            Ok(matches!(e, Expr::ScalarFunction(f) if MAKERS.contains(&f.func.name())))
        });
        found.unwrap_or(true)
    });
    let large = call
        .args
        .get(from..)
        .is_some_and(|rest| !rest.iter().all(fits));
    (nested || large).then(|| {
        format!(
            "{name}() needs plain numbers of at most 10,000 and may not hold another such function"
        )
    })
}

fn is_clock(name: &str) -> bool {
    matches!(
        name,
        "now" | "current_timestamp" | "current_date" | "current_time" | "today"
    )
}

fn literal_number(value: &datafusion::scalar::ScalarValue) -> Option<i128> {
    value.to_string().parse().ok()
}

/// A planner's or an operator's error as a sentence with its place.
pub(super) fn problem(error: &DataFusionError) -> SqlProblem {
    let place = error
        .diagnostic()
        .and_then(|d| d.span)
        .map(|s| (narrow(s.start.line), narrow(s.start.column)));
    let root = error.find_root();
    let text = match root {
        DataFusionError::SchemaError(schema, _) => schema_problem(schema),
        DataFusionError::ResourcesExhausted(_) => {
            "the query needs more memory than it is given; select fewer columns or partitions, or give it more"
                .to_owned()
        }
        DataFusionError::SQL(parse, _) => parse.to_string(),
        DataFusionError::External(own) if own.is::<LakeError>() => own.to_string(),
        other => other.strip_backtrace(),
    };
    let first = text.lines().next().unwrap_or_default();
    let (message, parsed) = super::sql_words::split_place(super::sql_words::strip_label(first));
    let message = super::sql_words::plain(&message, nearest_function).unwrap_or(message);
    let found = SqlProblem::new(message);
    match place.or(parsed) {
        Some((line, column)) => found.at(line, column),
        None => found,
    }
}

/// The function whose name is nearest to `name`, if one is near.
fn nearest_function(name: &str) -> Option<String> {
    let scalar = BASE.scalar_functions().keys();
    let names = scalar
        .chain(BASE.aggregate_functions().keys())
        .chain(BASE.window_functions().keys());
    let mut near: Vec<(usize, &str)> = names
        .map(|known| known.strip_prefix("trino_").unwrap_or(known))
        .map(|known| (distance(&name.to_lowercase(), known), known))
        .filter(|(d, known)| *d <= (known.chars().count() / 3).max(1))
        .collect();
    near.sort_unstable();
    near.first().map(|(_, known)| (*known).to_owned())
}

fn schema_problem(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
            let asked = field.name.as_str();
            if let Some(table) = field.relation.as_ref().map(|r| r.table())
                && valid_fields.iter().any(|c| c.relation.is_some())
            {
                let tables = valid_fields.iter().filter_map(|c| c.relation.as_ref());
                let mut tables: Vec<&str> = tables.map(|r| r.table()).collect();
                tables.dedup();
                if !tables.iter().any(|t| t.eq_ignore_ascii_case(table)) {
                    let near = suggest(table, &tables);
                    return format!("there is no table `{table}` in FROM{near}");
                }
            }
            format!("there is no column `{asked}`{}", suggest(asked, &names))
        }
        SchemaError::AmbiguousReference { field } => format!(
            "column `{}` is in more than one table; write the table before it",
            field.name
        ),
        other => other.to_string(),
    }
}

/// `; did you mean …?` or the list of what there is.
pub(super) fn suggest(asked: &str, known: &[&str]) -> String {
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|k| (distance(&asked.to_lowercase(), &k.to_lowercase()), *k))
        .filter(|(d, k)| *d <= (k.chars().count() / 3).max(1))
        .collect();
    near.sort_unstable();
    near.dedup();
    if let Some((_, name)) = near.first() {
        return format!("; did you mean `{name}`?");
    }
    if known.is_empty() {
        return String::new();
    }
    let mut list: Vec<&str> = known.iter().take(30).copied().collect();
    list.sort_unstable();
    list.dedup();
    let more = if known.len() > list.len() {
        ", …"
    } else {
        ""
    };
    format!("; there is {}{more}", list.join(", "))
}

/// Letters to add, drop or change to get from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let change = diagonal + usize::from(x != *y);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = change.min(above + 1).min(left + 1);
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

pub(super) fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Polls a future to its end on this thread. Unlike the executors' own, it may stand inside any of them.
pub(super) fn drive<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
