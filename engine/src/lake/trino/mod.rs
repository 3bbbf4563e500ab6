//! Trino's functions that the embedded engine lacks or means otherwise, and its dialect where it differs.
//!
//! Most functions are rewritten to the engine's own (`rewrite.rs`); the others are small functions over rows, one file a
//! subject. Unknown input gives null or an error in Trino's words, never a panic; nothing here reads a clock.

mod geo;
mod json;
mod nested;
mod numbers;
mod rewrite;
mod text;
mod time;
mod time_format;
mod unnest;
mod url;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, StringArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

pub(super) use rewrite::{replaced, rewrite};

type Result<T> = std::result::Result<T, DataFusionError>;

/// What an argument is taken as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Int,
    Double,
    /// A date, or a timestamp in microseconds with or without a zone.
    Time,
    Bytes,
    Any,
}

/// What a function gives.
#[derive(Clone, Copy)]
enum Gives {
    Text,
    Int,
    Double,
    Truth,
    Bytes,
    Texts,
    /// The type of this argument.
    Same(usize),
    Of(fn(&[FieldRef], &[Option<&ScalarValue>]) -> Result<DataType>),
}

/// The arguments of one call, all of the same length.
struct Args<'a> {
    columns: &'a [ArrayRef],
    rows: usize,
    gives: &'a DataType,
}

impl Args<'_> {
    fn text(&self, at: usize, row: usize) -> Option<&str> {
        let column = self.columns.get(at)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }
    fn int(&self, at: usize, row: usize) -> Option<i64> {
        let column = self.columns.get(at)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }
    fn double(&self, at: usize, row: usize) -> Option<f64> {
        let column = self.columns.get(at)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }
    fn bytes(&self, at: usize, row: usize) -> Option<&[u8]> {
        let column = self.columns.get(at)?.as_binary_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }
    fn column(&self, at: usize) -> Result<&ArrayRef> {
        self.columns
            .get(at)
            .ok_or_else(|| wrong("an argument is missing"))
    }
    fn texts(&self, of: impl Fn(usize) -> Result<Option<String>>) -> Result<ArrayRef> {
        let all: Result<Vec<Option<String>>> = (0..self.rows).map(of).collect();
        Ok(Arc::new(StringArray::from(all?)))
    }
    fn ints(&self, of: impl Fn(usize) -> Result<Option<i64>>) -> Result<ArrayRef> {
        let all: Result<Vec<Option<i64>>> = (0..self.rows).map(of).collect();
        Ok(Arc::new(Int64Array::from(all?)))
    }
    fn doubles(&self, of: impl Fn(usize) -> Result<Option<f64>>) -> Result<ArrayRef> {
        let all: Result<Vec<Option<f64>>> = (0..self.rows).map(of).collect();
        Ok(Arc::new(Float64Array::from(all?)))
    }
    fn truths(&self, of: impl Fn(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
        let all: Result<Vec<Option<bool>>> = (0..self.rows).map(of).collect();
        Ok(Arc::new(BooleanArray::from(all?)))
    }
}

/// A function over rows.
struct Function {
    name: &'static str,
    takes: &'static [Kind],
    /// Arguments that must be there.
    least: usize,
    gives: Gives,
    run: fn(&Args<'_>) -> Result<ArrayRef>,
}

const fn function(
    name: &'static str,
    takes: &'static [Kind],
    gives: Gives,
    run: fn(&Args<'_>) -> Result<ArrayRef>,
) -> Function {
    Function {
        name,
        takes,
        least: takes.len(),
        gives,
        run,
    }
}

impl Function {
    /// The last arguments may be left out.
    const fn at_least(mut self, least: usize) -> Self {
        self.least = least;
        self
    }
}

fn wrong(why: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(why.into())
}

/// A function as the engine knows it; equal when the name is.
struct Udf {
    function: &'static Function,
    /// Its name with [`PREFIX`]: the library has functions and other names of functions that are called alike.
    name: String,
    signature: Signature,
}

impl std::fmt::Debug for Udf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}
impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}
impl Eq for Udf {}
impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

fn taken_as(kind: Kind, given: &DataType) -> DataType {
    match (kind, given) {
        (Kind::Text, _) => DataType::Utf8,
        (Kind::Int, _) => DataType::Int64,
        (Kind::Double, _) => DataType::Float64,
        (Kind::Bytes, _) => DataType::Binary,
        (Kind::Time, DataType::Date32 | DataType::Date64) => DataType::Date32,
        (Kind::Time, DataType::Timestamp(_, zone)) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        (Kind::Time, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        (Kind::Any, DataType::Utf8View | DataType::LargeUtf8) => DataType::Utf8,
        (Kind::Any, given) => given.clone(),
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        &self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = (self.function.least, self.function.takes.len());
        if given.len() < least || given.len() > most {
            let wanted = if least == most {
                format!("{least}")
            } else {
                format!("{least} to {most}")
            };
            return Err(DataFusionError::Plan(format!(
                "{}() takes {wanted} arguments, {} are given",
                self.function.name,
                given.len()
            )));
        }
        let all = given.iter().zip(self.function.takes);
        Ok(all.map(|(given, kind)| taken_as(*kind, given)).collect())
    }
    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        let fields: Vec<FieldRef> = given
            .iter()
            .map(|t| Arc::new(Field::new("", t.clone(), true)))
            .collect();
        self.gives(&fields, &vec![None; given.len()])
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let gives = self.gives(args.arg_fields, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(self.function.name, gives, true)))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns: Result<Vec<ArrayRef>> = args
            .args
            .iter()
            .map(|a| a.to_array(args.number_rows))
            .collect();
        let found = (self.function.run)(&Args {
            columns: &columns?,
            rows: args.number_rows,
            gives: args.return_field.data_type(),
        })?;
        Ok(ColumnarValue::Array(found))
    }
}

impl Udf {
    fn gives(&self, fields: &[FieldRef], known: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(match self.function.gives {
            Gives::Text => DataType::Utf8,
            Gives::Int => DataType::Int64,
            Gives::Double => DataType::Float64,
            Gives::Truth => DataType::Boolean,
            Gives::Bytes => DataType::Binary,
            Gives::Texts => DataType::new_list(DataType::Utf8, true),
            Gives::Same(at) => fields
                .get(at)
                .map_or(DataType::Null, |f| f.data_type().clone()),
            Gives::Of(of) => of(fields, known)?,
        })
    }
}

/// What stands before the names of these functions inside the engine.
const PREFIX: &str = "trino_";

fn all() -> impl Iterator<Item = &'static Function> {
    let all = [
        geo::ALL,
        json::ALL,
        nested::ALL,
        numbers::ALL,
        text::ALL,
        time::ALL,
        url::ALL,
    ];
    all.into_iter().flatten()
}

/// True for the name of a function of this module.
fn is_ours(name: &str) -> bool {
    all().any(|f| f.name == name)
}

/// All functions of this module.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    all()
        .map(|function| {
            let signature = Signature::user_defined(Volatility::Immutable);
            let name = format!("{PREFIX}{}", function.name);
            Arc::new(ScalarUDF::from(Udf {
                function,
                name,
                signature,
            }))
        })
        .collect()
}
