//! Figures that come back from a file to the last digit. Reading JSON may change the last bit of a float, so the bits of all
//! floats of a value are kept beside its text, in the order in which they stand there.

use serde_json::{Number, Value};

/// The bits of every float in `value`.
pub(super) fn bits(value: &Value) -> Vec<u64> {
    let mut found = Vec::new();
    each(&mut value.clone(), &mut |v| found.push(v.to_bits()));
    found
}

/// Puts floats with these bits in the place of those in `value`; false when they are not of it.
pub(super) fn restore(value: &mut Value, bits: &[u64]) -> bool {
    let mut left = bits.iter();
    let mut is_same = true;
    each(
        value,
        &mut |v| match left.next().map(|b| f64::from_bits(*b)) {
            // What text may change is the last bit.
            Some(exact) if (exact - *v).abs() <= v.abs() * 1e-14 => *v = exact,
            _ => is_same = false,
        },
    );
    is_same && left.next().is_none()
}

fn each(value: &mut Value, visit: &mut impl FnMut(&mut f64)) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let mut float = number.as_f64().unwrap_or_default();
            visit(&mut float);
            if let Some(changed) = Number::from_f64(float) {
                *number = changed;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| each(v, visit)),
        Value::Object(members) => members.values_mut().for_each(|v| each(v, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floats_come_back_with_every_bit(floats in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..50), whole in any::<u64>()) {
            let value = serde_json::json!({ "a": [floats, whole, "1.5"], "b": { "c": null, "d": 0.1 } });
            let mut read: Value = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert!(restore(&mut read, &bits(&value)));
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn bits_of_something_else_are_refused() {
        let value = serde_json::json!([1.5, 2.5]);
        for other in [
            vec![],
            vec![1.5],
            vec![1.5, 2.6],
            vec![1.5, 2.5, 3.5],
            vec![1.5, f64::NAN],
        ] {
            let bits: Vec<u64> = other.iter().map(|v| v.to_bits()).collect();
            assert!(!restore(&mut value.clone(), &bits), "{other:?}");
        }
    }
}
