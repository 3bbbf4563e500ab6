//! The templates that the program carries.
//!
//! A template is a folder under `templates/`: `pipeline.json`, `template.toml` (title and summary in English and Korean),
//! `expected.json` (what a run must come to, for the tests) and the data files that the pipeline reads. To add one: the
//! folder and a line in [`ALL`]; a test finds a folder that is not listed.

use std::path::Path;

use serde::{Deserialize, Serialize};
use weir_engine::disk;
use weir_engine::document::Document;

use crate::failure::Failure;
use crate::open::PIPELINE;

/// A template as it is embedded.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: &'static str,
    pub(crate) pipeline: &'static str,
    about: &'static str,
    /// Name and content of data files.
    pub(crate) files: &'static [(&'static str, &'static [u8])],
}

/// Embeds the template in `templates/<id>`, with its data files if it has any.
macro_rules! template {
    ($id:literal $(, $file:literal)*) => {
        Template {
            id: $id,
            pipeline: include_str!(concat!("../../templates/", $id, "/pipeline.json")),
            about: include_str!(concat!("../../templates/", $id, "/template.toml")),
            files: &[$(($file, include_bytes!(concat!("../../templates/", $id, "/", $file)))),*],
        }
    };
}

/// All templates, in the order of the gallery.
pub(crate) static ALL: &[Template] = &[
    template!("weekend-transactions"),
    template!("batch-lake"),
    template!("flights-replay"),
    template!("first-stream"),
    template!("clickstream"),
    template!("hot-shard"),
    template!("small-files"),
    template!("flow-logs"),
    template!("sensor-anomalies"),
    template!("real-time-anomaly"),
    template!("all-detectors"),
    template!("predictive-maintenance"),
];

/// The template that stands ready when nothing else was asked for.
pub(crate) const FIRST: &str = "weekend-transactions";

/// What `template.toml` says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// The name.
    pub(crate) title: String,
    /// The name in Korean.
    pub(crate) title_ko: String,
    /// What it shows, one sentence.
    pub(crate) summary: String,
    /// The same in Korean.
    pub(crate) summary_ko: String,
}

impl Template {
    /// Title and summary.
    pub(crate) fn about(&self) -> Result<About, Failure> {
        toml::from_str(self.about)
            .map_err(|e| Failure::new(format!("template `{}`: {}", self.id, e.message())))
    }
    /// Gives a drawing made of the template the name and the purpose that the gallery shows in Korean.
    pub(crate) fn name_in_korean(&self, doc: &mut Document) {
        if let Ok(about) = self.about() {
            doc.name = about.title_ko;
            doc.description = Some(about.summary_ko);
        }
    }
    /// Writes all files of the template into `folder`, which must be there.
    pub(crate) fn write_to(&self, folder: &Path) -> Result<(), Failure> {
        write(&folder.join(PIPELINE), self.pipeline.as_bytes())?;
        self.files
            .iter()
            .try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
    }
}

/// Writes one file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    disk::replace(path, bytes).map_err(|e| {
        Failure::new(format!(
            "`{}` cannot be written ({e}): name another place",
            path.display()
        ))
    })
}

/// The template called `id`.
pub(crate) fn find(id: &str) -> Option<&'static Template> {
    ALL.iter().find(|t| t.id == id)
}

/// All ids.
pub(crate) fn ids() -> Vec<&'static str> {
    ALL.iter().map(|t| t.id).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_template_is_listed_and_reads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
        let folders = entries.filter(|e| e.path().is_dir());
        let there: BTreeSet<String> = folders
            .map(|e| e.file_name().into_string().unwrap())
            .collect();
        let listed: BTreeSet<String> = ids().into_iter().map(str::to_owned).collect();
        assert_eq!(listed, there);
        for template in ALL {
            let about = template.about().unwrap();
            assert!(
                !about.title.is_empty() && !about.title_ko.is_empty(),
                "{}",
                template.id
            );
            assert!(
                !about.summary.is_empty() && !about.summary_ko.is_empty(),
                "{}",
                template.id
            );
            let opened = crate::open::open(template.id).unwrap();
            let checked =
                weir_engine::check::check(&opened.doc, weir_engine::services::ALL, &opened.root);
            assert_eq!(checked.problems, [], "{}", template.id);
        }
    }
}
