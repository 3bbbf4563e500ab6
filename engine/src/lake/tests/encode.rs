//! Files out and in again, and the same bytes every time.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::super::{
    Codec, ParquetPlan, compress, decompress, encode_csv, encode_json_lines, sniff_codec,
};
use super::payments;

const CODECS: [Codec; 4] = [Codec::None, Codec::Snappy, Codec::Gzip, Codec::Zstd];

fn read(bytes: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let schema = std::sync::Arc::clone(builder.schema());
    let batches: Result<Vec<RecordBatch>, _> = builder.build().unwrap().collect();
    concat_batches(&schema, &batches.unwrap()).unwrap()
}

#[test]
fn parquet_reads_back_with_every_codec() {
    let rows = payments(1_500, 3);
    for codec in CODECS {
        let plan = ParquetPlan::new(&rows.schema(), codec).unwrap();
        let file = plan
            .encode_file(&[rows.slice(0, 700), rows.slice(700, 800)], 600)
            .unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file.clone())).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3, "{codec:?}");
        assert_eq!(reader.metadata().file_metadata().created_by(), Some("weir"));
        assert_eq!(read(file), rows, "{codec:?}");
    }
}

#[test]
fn groups_encoded_on_many_threads_give_the_same_file() {
    let plan = ParquetPlan::new(&payments(1, 1).schema(), Codec::Snappy).unwrap();
    let pieces: Vec<RecordBatch> = (0..6).map(|i| payments(300, i)).collect();
    let one = plan.encode_file(&pieces, 300).unwrap();
    let groups = std::thread::scope(|scope| {
        let jobs: Vec<_> = pieces
            .iter()
            .map(|p| {
                let plan = plan.clone();
                scope.spawn(move || plan.encode_row_group(std::slice::from_ref(p)).unwrap())
            })
            .collect();
        jobs.into_iter()
            .map(|j| j.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(
        groups
            .iter()
            .map(super::super::EncodedGroup::rows)
            .sum::<u64>(),
        1_800
    );
    assert_eq!(plan.assemble(groups).unwrap(), one);
}

#[test]
fn dictionaries_are_only_for_columns_that_repeat() {
    let rows = payments(4_000, 9);
    let plan = ParquetPlan::new(&rows.schema(), Codec::Snappy).unwrap();
    let file = plan
        .encode_file(std::slice::from_ref(&rows), 4_000)
        .unwrap();
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let group = reader.metadata().row_group(0).clone();
    let dictionaries: Vec<bool> = group
        .columns()
        .iter()
        .map(|c| c.dictionary_page_offset().is_some())
        .collect();
    assert_eq!(
        dictionaries,
        [false, false, false, true, true, false, false]
    );
    assert!(group.columns().iter().all(|c| c.statistics().is_some()));
}

#[test]
fn an_empty_file_is_a_file_and_other_columns_are_refused() {
    let rows = payments(10, 1);
    let plan = ParquetPlan::new(&rows.schema(), Codec::Snappy).unwrap();
    let empty = read(plan.assemble(Vec::new()).unwrap());
    assert_eq!((empty.num_rows(), empty.num_columns()), (0, 7));
    let narrow = rows.project(&[0, 1]).unwrap();
    let refused = plan.encode_row_group(&[narrow]).unwrap_err().to_string();
    assert!(refused.contains("the file has transaction_id"), "{refused}");
}

#[test]
fn whole_files_unpack_to_what_was_packed() {
    let rows = payments(200, 5);
    let json = encode_json_lines(&[rows.slice(0, 100), rows.slice(100, 100)]).unwrap();
    assert_eq!(json.iter().filter(|b| **b == b'\n').count(), 200);
    assert!(json.starts_with(b"{\"transaction_id\":\"tx-"));
    for codec in CODECS {
        let packed = compress(json.clone(), codec).unwrap();
        assert_eq!(sniff_codec(&packed), codec);
        assert_eq!(packed, compress(json.clone(), codec).unwrap());
        assert_eq!(
            decompress(&packed, 1 << 20).unwrap(),
            (json.clone(), false),
            "{codec:?}"
        );
        assert_eq!(
            decompress(&packed, 10).unwrap(),
            (json[..10].to_vec(), true),
            "{codec:?}"
        );
    }
    assert!(decompress(&[0x1f, 0x8b, 1, 2, 3], 10).is_err());
    assert_eq!(["", ".snappy", ".gz", ".zst"], CODECS.map(Codec::extension));
}

#[test]
fn csv_has_names_when_asked() {
    let rows = payments(2, 5).project(&[3, 6]).unwrap();
    let with =
        String::from_utf8(encode_csv(std::slice::from_ref(&rows), b';', true).unwrap()).unwrap();
    assert!(with.starts_with("category;is_fraud\n"), "{with}");
    let without = encode_csv(&[rows], b',', false).unwrap();
    assert_eq!(without.iter().filter(|b| **b == b'\n').count(), 2);
}
