//! A forecast with bands below a result: the last column of figures goes on as its level, trend and seasons let expect.
//!
//! The bands hold 80 % and 95 % when the errors are normal and stay as they were.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, new_null_array};
use arrow::compute::{cast, concat, concat_batches};
use arrow::datatypes::{DataType, Field, Schema};
use weir_detect::forecast::{FEW, Method, Step, forecast};

use super::config::{Config, ForecastMethod};
use crate::node::Table;

/// A table with its forecast.
pub(super) struct Longer {
    pub(super) table: Table,
    /// The error of the same model's forecasts at earlier points, in the mean step of the series (MASE).
    pub(super) mase: Option<f64>,
}

/// The result with the forecast of `column`; `None` when it has no such column or too few rows.
pub(super) fn below(table: &Table, column: &str, config: &Config) -> Option<Longer> {
    if config.forecast_rows == 0 {
        return None;
    }
    let first = table.rows.first()?;
    let rows = concat_batches(&first.schema(), &table.rows).ok()?;
    let column = cast(rows.column_by_name(column)?, &DataType::Float64).ok()?;
    let values = column.as_any().downcast_ref::<Float64Array>()?;
    let known: Vec<f64> = values.iter().flatten().filter(|x| x.is_finite()).collect();
    let season = config.forecast_season_rows as usize;
    if known.len() < FEW.max(2 * season) {
        return None;
    }
    let method = match config.forecast_method {
        ForecastMethod::Best => Method::Best,
        ForecastMethod::HoltWinters => Method::HoltWinters,
        ForecastMethod::Arima => Method::Autoregression,
    };
    let season = (season > 0).then_some(season);
    let n = config.forecast_rows;
    let outlook = forecast(&known, n as usize, season, method)?;
    let steps = outlook.steps;
    let past = rows.num_rows();
    let ahead = |f: fn(&Step) -> f64| -> ArrayRef {
        let values = (0..past)
            .map(|_| None)
            .chain(steps.iter().map(|s| Some(f(s))));
        Arc::new(Float64Array::from_iter(values))
    };
    let mut fields: Vec<Arc<Field>> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (i, (field, column)) in rows
        .schema()
        .fields()
        .iter()
        .zip(rows.columns())
        .enumerate()
    {
        let more = if i == 0 { going_on(column, n) } else { None };
        let more = more.unwrap_or_else(|| new_null_array(column.data_type(), n as usize));
        fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
        columns.push(concat(&[column.as_ref(), more.as_ref()]).ok()?);
    }
    let own: [(&str, ArrayRef); 5] = [
        ("forecast", ahead(|s| s.value)),
        ("forecast_low_80", ahead(|s| s.value - s.half_80)),
        ("forecast_high_80", ahead(|s| s.value + s.half_80)),
        ("forecast_low", ahead(|s| s.value - s.half_95)),
        ("forecast_high", ahead(|s| s.value + s.half_95)),
    ];
    for (name, column) in own {
        fields.push(Arc::new(Field::new(name, DataType::Float64, true)));
        columns.push(column);
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).ok()?;
    let (model, mase) = (outlook.model, outlook.mase);
    let judged = mase.map_or(String::new(), |m| format!("; MASE {m:.2}"));
    let table = Table {
        title: format!("{} ({model}{judged})", table.title),
        rows: vec![rows],
        at: table.at,
    };
    Some(Longer { table, mase })
}

/// The next `n` values of a column of times or whole numbers: its last step goes on.
fn going_on(column: &ArrayRef, n: u32) -> Option<ArrayRef> {
    let kind = column.data_type();
    if !matches!(
        kind,
        DataType::Timestamp(..) | DataType::Int64 | DataType::Int32
    ) {
        return None;
    }
    let whole = cast(column, &DataType::Int64).ok()?;
    let whole = whole.as_any().downcast_ref::<Int64Array>()?;
    let last = whole.len().checked_sub(1)?;
    let before = last.checked_sub(1)?;
    if whole.is_null(last) || whole.is_null(before) {
        return None;
    }
    let (end, step) = (
        whole.value(last),
        whole.value(last).checked_sub(whole.value(before))?,
    );
    let next = (1..=i64::from(n)).map(|i| end.checked_add(step.checked_mul(i)?));
    let next: Option<Vec<i64>> = next.collect();
    cast(&Int64Array::from(next?), kind).ok()
}

#[cfg(test)]
mod tests {
    use super::{Config, ForecastMethod};
    use crate::node::Table;
    use crate::units::SimTime;
    use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch};
    use std::sync::Arc;

    fn below(table: &Table, config: &Config) -> Option<Table> {
        super::below(table, &config.forecast_column, config).map(|l| l.table)
    }
    fn table(n: i64, f: impl Fn(f64) -> f64) -> Table {
        let values = (0..n).map(|i| f(i as f64));
        let columns: [(&str, ArrayRef); 2] = [
            (
                "minute",
                Arc::new(Int64Array::from_iter_values((0..n).map(|i| i * 60))),
            ),
            ("load", Arc::new(Float64Array::from_iter_values(values))),
        ];
        Table {
            title: "load".to_owned(),
            rows: vec![RecordBatch::try_from_iter(columns).unwrap()],
            at: SimTime::ZERO,
        }
    }
    fn config(rows: u32, season: u32) -> Config {
        Config {
            forecast_column: "load".to_owned(),
            forecast_rows: rows,
            forecast_season_rows: season,
            ..Config::default()
        }
    }
    fn numbers(table: &Table, name: &str) -> Vec<Option<f64>> {
        let column = table.rows[0].column_by_name(name).unwrap();
        column
            .as_any()
            .downcast_ref::<Float64Array>()
            .unwrap()
            .iter()
            .collect()
    }

    #[test]
    fn a_season_goes_on_inside_its_bands() {
        let wave = |i: f64| {
            100.0 + 20.0 * (i * std::f64::consts::PI / 6.0).sin() + (i * 7.0 % 5.0 - 2.0) * 0.25
        };
        let out = below(&table(120, wave), &config(24, 12)).unwrap();
        assert_eq!(out.rows[0].num_rows(), 144);
        let (middle, low, high) = (
            numbers(&out, "forecast"),
            numbers(&out, "forecast_low"),
            numbers(&out, "forecast_high"),
        );
        assert!(middle[119].is_none() && out.rows[0].column(1).is_null(120));
        let mut inside = 0;
        for i in 120..144_i32 {
            let (at, truth) = (usize::try_from(i).unwrap(), wave(f64::from(i)));
            assert!((middle[at].unwrap() - truth).abs() < 2.0, "{i}");
            inside += u32::from(low[at].unwrap() < truth && truth < high[at].unwrap());
        }
        // 95 % of 24, and what chance may take from them.
        assert!(inside >= 21, "{inside}");
        // The bands open as the forecast goes on.
        assert!(high[143].unwrap() - low[143].unwrap() >= high[120].unwrap() - low[120].unwrap());
        let minutes = out.rows[0]
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        assert_eq!((minutes.value(120), minutes.value(143)), (7200, 8580));
    }

    #[test]
    fn nothing_is_made_up() {
        let flat = |_: f64| 1.0;
        assert!(below(&table(40, flat), &config(0, 0)).is_none());
        assert!(below(&table(5, flat), &config(10, 0)).is_none());
        assert!(below(&table(20, flat), &config(10, 12)).is_none());
        let smoothed = Config {
            forecast_method: ForecastMethod::HoltWinters,
            ..config(10, 0)
        };
        assert!(below(&table(40, flat), &smoothed).is_some());
        let other = Config {
            forecast_column: "nothing".to_owned(),
            ..config(10, 0)
        };
        assert!(below(&table(40, flat), &other).is_none());
    }
}
