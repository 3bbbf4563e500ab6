//! The rows of a file, stripe by stripe: only the streams of the wanted columns are read from the file.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use orc_rust::projection::ProjectionMask;
use orc_rust::proto::stream::Kind;
use orc_rust::proto::r#type::Kind as TypeKind;
use orc_rust::proto::{ColumnEncoding, Stream, StripeFooter, StripeInformation, column_encoding};
use orc_rust::{ArrowReader, ArrowReaderBuilder, TimestampPrecision};
use prost::Message as _;

use super::chunks::append_plain;
use super::finer::{coarse, fine};
use super::lengths::{Lengths, check, measure};
use super::tail::{FOOTER_MAX, InMemory, Tail, bytes_at, first_line, whole};
use super::{MAGIC, unpanicked};

/// Rows of one batch.
const BATCH_ROWS: usize = 8_192;
/// Plain bytes of the wanted columns of one stripe. Writers make stripes of 64 MB and less.
const STRIPE_MAX: usize = 256 << 20;
/// Values in the lists (or maps) of one stripe.
const ELEMENTS_MAX: u64 = 1 << 24;
/// Values of one batch, over all columns.
const VALUES_MAX: u64 = 1 << 26;
/// Bytes of repeated texts in one batch.
const TEXT_MAX: u64 = 128 << 20;
/// Entries of one dictionary.
const DICTIONARY_MAX: u64 = 1 << 24;

/// Which columns of the file are read, by their place in it; ascending.
type Wanted = BTreeSet<usize>;

/// A stripe that is being read.
struct Open {
    reader: ArrowReader<InMemory>,
    /// The stripe as a file of its own, and how it is read: to begin again when its timestamps are finer than microseconds.
    file: Bytes,
    roots: Vec<usize>,
    rows: usize,
    /// Batches that were given.
    given: usize,
    /// What the timestamps are cut to, when the library gives them whole.
    cut: Option<SchemaRef>,
}

impl Open {
    fn new(file: Bytes, roots: Vec<usize>, rows: usize) -> Result<Self, String> {
        let reader = builder(&file, &roots, rows)?;
        let reader = unpanicked(|| Ok(reader.build()))?;
        Ok(Self {
            reader,
            file,
            roots,
            rows,
            given: 0,
            cut: None,
        })
    }
    fn batch(&mut self) -> Result<Option<RecordBatch>, String> {
        let next = match self.decoded() {
            // The library refuses what would be shortened; the cheap way comes first, since hardly any file has it.
            Err(why) if self.cut.is_none() && self.begin_fine()? => {
                self.decoded().map_err(|_as_before| why)?
            }
            next => next?,
        };
        self.given += 1;
        match (next, &self.cut) {
            (Some(batch), Some(schema)) => coarse(&batch, schema).map(Some),
            (next, _) => Ok(next),
        }
    }
    fn decoded(&mut self) -> Result<Option<RecordBatch>, String> {
        unpanicked(|| {
            let next = self.reader.next();
            next.transpose().map_err(|e| first_line(&e))
        })
    }
    /// Begins again with timestamps in all their places, after the batches that were given. False when there is none.
    fn begin_fine(&mut self) -> Result<bool, String> {
        let builder = builder(&self.file, &self.roots, self.rows)?;
        let schema = unpanicked(|| Ok(builder.schema()))?;
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        let Some(fine) = fine(&schema) else {
            return Ok(false);
        };
        self.reader = unpanicked(|| Ok(builder.with_schema(fine).build()))?;
        self.cut = Some(schema);
        for _ in 0..self.given {
            self.decoded()?;
        }
        Ok(true)
    }
}

fn builder(
    file: &Bytes,
    roots: &[usize],
    rows: usize,
) -> Result<ArrowReaderBuilder<InMemory>, String> {
    unpanicked(|| {
        let reader =
            ArrowReaderBuilder::try_new(InMemory(file.clone())).map_err(|e| first_line(&e))?;
        let mask = ProjectionMask::roots(
            reader.file_metadata().root_data_type(),
            roots.iter().copied(),
        );
        Ok(reader
            .with_projection(mask)
            .with_batch_size(rows)
            .with_timestamp_precision(TimestampPrecision::Microsecond))
    })
}

/// The batches of one file: the wanted columns in the file's order.
pub(crate) struct OrcRows<F> {
    file: F,
    tail: Tail,
    wanted: Wanted,
    next: usize,
    open: Option<Open>,
    /// Rows that are left of a stripe without wanted columns.
    bare: u64,
    read: Box<dyn FnMut(u64) + Send>,
    failed: bool,
}

impl<F: Read + Seek> OrcRows<F> {
    /// Opens a file; `read` is told of the bytes of columns that are read, as they stand in the file.
    pub(crate) fn new(
        file: F,
        tail: Tail,
        wanted: Wanted,
        read: Box<dyn FnMut(u64) + Send>,
    ) -> Self {
        Self {
            file,
            tail,
            wanted,
            next: 0,
            open: None,
            bare: 0,
            read,
            failed: false,
        }
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, String> {
        loop {
            if self.bare > 0 {
                let rows = self.bare.min(BATCH_ROWS as u64);
                self.bare -= rows;
                return bare_rows(usize::try_from(rows).unwrap_or(BATCH_ROWS)).map(Some);
            }
            if let Some(open) = &mut self.open {
                let next = open.batch();
                match next.map_err(|e| self.in_stripe(&e))? {
                    Some(batch) => return Ok(Some(batch)),
                    None => self.open = None,
                }
            }
            let Some(stripe) = self.tail.stripes.get(self.next).cloned() else {
                return Ok(None);
            };
            self.next += 1;
            if stripe.number_of_rows() == 0 {
                continue;
            }
            if self.wanted.is_empty() {
                self.bare = stripe.number_of_rows();
            } else {
                let opened = self.open_stripe(&stripe).map_err(|e| self.in_stripe(&e))?;
                self.open = Some(opened);
            }
        }
    }

    fn in_stripe(&self, why: &str) -> String {
        format!("stripe {} is damaged: {why}", self.next)
    }

    /// Reads the streams of the wanted columns and hands them to the library.
    fn open_stripe(&mut self, stripe: &StripeInformation) -> Result<Open, String> {
        let data = stripe.index_length() + stripe.data_length();
        let packed = bytes_at(
            &mut self.file,
            stripe.offset() + data,
            stripe.footer_length(),
        )?;
        let plain = self.tail.packing.unpack(&packed, &mut FOOTER_MAX.clone())?;
        let footer = StripeFooter::decode(plain.as_slice()).map_err(|e| e.to_string())?;
        if footer.columns.len() != self.tail.types.len() {
            return Err("it has another number of columns than the file".to_owned());
        }
        let columns = self.columns()?;
        let (mut file, mut streams) = (MAGIC.to_vec(), Vec::new());
        let (mut at, mut room) = (0_u64, STRIPE_MAX);
        let mut seen = Checks::default();
        for stream in &footer.streams {
            let end = at.checked_add(stream.length()).filter(|e| *e <= data);
            let end = end.ok_or("a stream is not inside it")?;
            let column = stream.column() as usize;
            if columns.contains(&column)
                && let Some(kind) = data_kind(stream)
            {
                let packed = bytes_at(&mut self.file, stripe.offset() + at, stream.length())?;
                (self.read)(stream.length());
                let plain = self.tail.packing.unpack(&packed, &mut room)?;
                drop(packed);
                seen.stream(
                    column,
                    kind,
                    &plain,
                    self.tail.types[column].kind(),
                    &footer.columns[column],
                )?;
                streams.push(Stream {
                    length: Some(append_plain(&mut file, &plain) as u64),
                    ..stream.clone()
                });
            }
            at = end;
        }
        let rows = seen.finish(&self.tail, &footer.columns, columns.len() as u64)?;
        let data_length = file.len() as u64 - 3;
        let footer = StripeFooter { streams, ..footer };
        let footer_length = append_plain(&mut file, &footer.encode_to_vec()) as u64;
        let alone = StripeInformation {
            offset: Some(3),
            index_length: Some(0),
            data_length: Some(data_length),
            footer_length: Some(footer_length),
            number_of_rows: stripe.number_of_rows,
            ..StripeInformation::default()
        };
        let file = whole(file, self.tail.types.clone(), vec![alone]);
        let roots = &self.tail.types[0].subtypes;
        let roots: Vec<usize> = self.wanted.iter().map(|i| roots[*i] as usize).collect();
        Open::new(file, roots, rows)
    }

    /// The wanted columns with what is inside them, by the number that streams have.
    fn columns(&self) -> Result<BTreeSet<usize>, String> {
        let root = &self.tail.types[0];
        let mut all = BTreeSet::new();
        for place in &self.wanted {
            let number = *root.subtypes.get(*place).ok_or("a column is missing")? as usize;
            for below in self.tail.below(number) {
                if self.tail.types[below].kind() == TypeKind::Union {
                    return Err(format!(
                        "column `{}` is a union, which is not read here; write its parts as columns of their own",
                        root.field_names[*place]
                    ));
                }
                all.insert(below);
            }
        }
        Ok(all)
    }
}

impl<F: Read + Seek> Iterator for OrcRows<F> {
    type Item = Result<RecordBatch, String>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.batch().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

fn bare_rows(rows: usize) -> Result<RecordBatch, String> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .map_err(|e| e.to_string())
}

/// The streams that hold values; indexes and filters do not.
fn data_kind(stream: &Stream) -> Option<Kind> {
    let kind = Kind::try_from(stream.kind?).ok()?;
    matches!(
        kind,
        Kind::Present | Kind::Data | Kind::Length | Kind::DictionaryData | Kind::Secondary
    )
    .then_some(kind)
}

fn is_second(encoding: &ColumnEncoding) -> bool {
    use column_encoding::Kind as Encoding;
    matches!(encoding.kind(), Encoding::DirectV2 | Encoding::DictionaryV2)
}

fn is_dictionary(encoding: &ColumnEncoding) -> bool {
    use column_encoding::Kind as Encoding;
    matches!(
        encoding.kind(),
        Encoding::Dictionary | Encoding::DictionaryV2
    )
}

const fn is_text(kind: TypeKind) -> bool {
    matches!(kind, TypeKind::String | TypeKind::Varchar | TypeKind::Char)
}

/// What the streams of a stripe ask for, column by column.
#[derive(Default)]
struct Checks {
    seen: BTreeSet<(usize, i32)>,
    lengths: Vec<(usize, Lengths)>,
    /// Plain bytes of values of text.
    texts: Vec<(usize, u64)>,
}

impl Checks {
    fn stream(
        &mut self,
        column: usize,
        kind: Kind,
        plain: &[u8],
        is: TypeKind,
        encoding: &ColumnEncoding,
    ) -> Result<(), String> {
        if !self.seen.insert((column, kind.into())) {
            return Err("a column has two streams of one kind".to_owned());
        }
        let second = is_second(encoding);
        let text = is_text(is) || is == TypeKind::Binary;
        let bytes_of_text = if is_text(is) && is_dictionary(encoding) {
            Kind::DictionaryData
        } else {
            Kind::Data
        };
        if text && kind == bytes_of_text {
            self.texts.push((column, plain.len() as u64));
            return Ok(());
        }
        match kind {
            Kind::Length => self.lengths.push((column, measure(plain, second)?)),
            Kind::Secondary => check(plain, second)?,
            Kind::Data if text || is_number(is) => check(plain, second)?,
            _ => {}
        }
        Ok(())
    }

    /// Refuses lengths that the values do not have; says how many rows of a batch stay small.
    fn finish(
        &self,
        tail: &Tail,
        encodings: &[ColumnEncoding],
        columns: u64,
    ) -> Result<usize, String> {
        let types = &tail.types;
        let mut elements = BATCH_ROWS as u64;
        let mut largest_text = 0;
        for (column, lengths) in &self.lengths {
            let (is, encoding) = (types[*column].kind(), &encodings[*column]);
            if !is_text(is) && is != TypeKind::Binary {
                if lengths.sum.min(ELEMENTS_MAX + 1).saturating_mul(columns) > VALUES_MAX {
                    return Err(
                        "its lists hold too many values at once; write smaller stripes".to_owned(),
                    );
                }
                elements = elements.max(lengths.sum);
                continue;
            }
            let held = self.texts.iter().find(|(c, _)| c == column);
            if lengths.sum > held.map_or(0, |(_, bytes)| *bytes) {
                return Err("its texts are longer than their bytes".to_owned());
            }
            if is_text(is) && is_dictionary(encoding) {
                let entries = u64::from(encoding.dictionary_size());
                if entries > lengths.count.min(DICTIONARY_MAX) {
                    return Err("a dictionary has more entries than lengths".to_owned());
                }
                largest_text = largest_text.max(lengths.largest);
            }
        }
        let dictionaries = encodings.iter().zip(types);
        for (encoding, found) in dictionaries {
            if is_dictionary(encoding) && !is_text(found.kind()) {
                return Err("a column that is no text has a dictionary".to_owned());
            }
        }
        if elements > BATCH_ROWS as u64 && elements.saturating_mul(largest_text) > TEXT_MAX {
            return Err("its lists repeat long texts too often; write smaller stripes".to_owned());
        }
        let rows = TEXT_MAX.checked_div(largest_text).unwrap_or(u64::MAX);
        let rows = rows.min(VALUES_MAX / columns.max(1));
        Ok(usize::try_from(rows.clamp(1, BATCH_ROWS as u64)).unwrap_or(1))
    }
}

/// Types whose values are runs of whole numbers.
const fn is_number(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Short
            | TypeKind::Int
            | TypeKind::Long
            | TypeKind::Date
            | TypeKind::Timestamp
            | TypeKind::TimestampInstant
    )
}
