//! A trained model as a file: a detector or a classifier, with the names of its inputs. What is read from a file is checked before
//! it is used, since it may come from anywhere.

use serde::{Deserialize, Serialize};

use crate::boost::{Boosted, INPUTS_MAX};
use crate::detector::{Detector, ModelError};

/// The first bytes of a model file, with the version of what follows.
const MAGIC: &[u8] = b"weir-model 1\n";
/// Largest file that is read.
pub const MODEL_BYTES_MAX: usize = 256 << 20;

/// A trained model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Trained {
    /// A detector that has seen the training rows, and the names of its inputs.
    Detector(Vec<String>, Box<Detector>),
    /// A classifier.
    Classifier(Box<Boosted>),
}

impl Trained {
    /// The names of its inputs: fields of records, or features of them ([`crate::features`]).
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        match self {
            Self::Detector(inputs, _) => inputs,
            Self::Classifier(model) => model.inputs(),
        }
    }
    /// The file.
    ///
    /// # Errors
    /// Never in practice: everything in it can be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(postcard::to_allocvec(self)?);
        Ok(bytes)
    }
    /// Reads a file.
    ///
    /// # Errors
    /// Bytes that are no model, of another version, too many, or broken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(ModelError::Foreign)?;
        if body.len() > MODEL_BYTES_MAX {
            return Err(ModelError::Broken);
        }
        let mut own: Self = postcard::from_bytes(body)?;
        let sound = match &mut own {
            Self::Detector(inputs, detector) => {
                (1..=INPUTS_MAX).contains(&inputs.len())
                    && inputs.len() == detector.settings().fields as usize
                    && detector.sound()
            }
            Self::Classifier(model) => model.sound(),
        };
        if sound {
            Ok(own)
        } else {
            Err(ModelError::Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Trained;
    use crate::boost::{BoostSettings, Boosted, Rows};
    use crate::{Algorithm, Detector, Settings};

    fn classifier() -> Trained {
        let rows = Rows {
            inputs: vec!["x".to_owned(), "x_lag_1".to_owned()],
            columns: vec![
                (0..60).map(f64::from).collect(),
                (0..60).map(|i| f64::from(i % 7)).collect(),
            ],
            classes: ["ok", "worn", "broken"].map(str::to_owned).to_vec(),
            labels: (0..60).map(|i| i / 20).collect(),
        };
        let settings = BoostSettings {
            num_round: 3,
            ..BoostSettings::default()
        };
        Trained::Classifier(Box::new(
            Boosted::train(&rows, 60, &settings, || true).unwrap(),
        ))
    }
    fn detector(algorithm: Algorithm) -> Trained {
        let mut detector = Detector::new(Settings {
            algorithm,
            num_trees: 5,
            num_samples_per_tree: 16,
            ..Settings::default()
        });
        (0..100).for_each(|i| {
            detector.update(&[f64::from(i % 9)]);
        });
        Trained::Detector(vec!["x".to_owned()], Box::new(detector))
    }
    /// What a model says of some records; panics where a broken one slipped through.
    fn say(model: &mut Trained) -> Vec<f64> {
        let records = [3.0, -1e9, f64::NAN, 41.0];
        match model {
            Trained::Detector(inputs, d) => {
                let records = records.iter().map(|x| vec![*x; inputs.len()]);
                records.map(|r| d.update(&r).score).collect()
            }
            Trained::Classifier(c) => records.iter().map(|x| c.classify(&[*x, 1.0]).1).collect(),
        }
    }

    #[test]
    fn models_come_back_as_they_were() {
        let all = Algorithm::ALL.map(detector);
        for mut model in all.into_iter().chain([classifier()]) {
            let bytes = model.to_bytes().unwrap();
            let mut back = Trained::from_bytes(&bytes).unwrap();
            assert_eq!(back.to_bytes().unwrap(), bytes);
            assert_eq!(say(&mut back), say(&mut model));
        }
        for foreign in [&b""[..], b"weir-model 2\n", b"weir-detector 1\n", b"PAR1"] {
            assert!(Trained::from_bytes(foreign).is_err());
        }
    }

    proptest! {
        #[test]
        fn damaged_models_are_refused_or_harmless(which in 0_usize..4, at in 0.0_f64..1.0, flips in proptest::collection::vec(any::<u8>(), 1..4), cut in 0_usize..64) {
            let model = match which {
                0 => classifier(),
                1 => detector(Algorithm::RandomCutForest),
                2 => detector(Algorithm::IsolationForest),
                _ => detector(Algorithm::BestOf),
            };
            let mut bytes = model.to_bytes().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the file")]
            let place = (bytes.len() as f64 * at) as usize;
            for (i, flip) in flips.iter().enumerate() {
                if let Some(byte) = bytes.get_mut(place + i) {
                    *byte ^= flip;
                }
            }
            if cut > 32 {
                bytes.truncate(bytes.len() - (cut - 32));
            }
            if let Ok(mut back) = Trained::from_bytes(&bytes) {
                say(&mut back);
            }
        }
    }
}
