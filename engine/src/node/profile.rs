//! What the records of a node are like: their sizes, and how unequal the keys in a field are.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::data::Batch;
use crate::metrics::{KeyMeter, SizeMeter, key_hash};

/// The records that came to one place.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Their sizes on the wire.
    pub sizes: Option<Box<SizeMeter>>,
    /// The field with their keys, and how often each comes.
    pub keys: Option<(String, Box<KeyMeter>)>,
}

impl Profile {
    /// Looks at the sizes of the records.
    pub(super) fn look_at_sizes(&mut self, batch: &Batch) {
        let sizes = self.sizes.get_or_insert_default();
        for bytes in &*batch.sizes {
            sizes.add(*bytes, u64::from(batch.weight));
        }
    }
    /// Looks at the keys in `field`: null is no key. A record of another schema, without the field, is not looked at; when another
    /// field is looked at than before, the count begins anew.
    pub(super) fn look_at_keys(&mut self, batch: &Batch, field: &str) {
        let Some(column) = batch.rows.column_by_name(field) else {
            return;
        };
        let is_other = |(known, _): &mut (String, _)| known != field;
        if self.keys.as_mut().is_none_or(is_other) {
            self.keys = Some((field.to_owned(), Box::default()));
        }
        if let Some((_, keys)) = &mut self.keys {
            add_all(keys, column, u64::from(batch.weight));
        }
    }
}

fn add_all(keys: &mut KeyMeter, column: &ArrayRef, weight: u64) {
    let Some(texts) = column.as_string_opt::<i32>() else {
        // What cannot be told as text (a list) is no key.
        if let Ok(texts) = cast(column, &DataType::Utf8)
            && texts.data_type() == &DataType::Utf8
        {
            add_all(keys, &texts, weight);
        }
        return;
    };
    for text in texts.iter().flatten() {
        keys.add(key_hash(text.as_bytes()), weight);
    }
}
