//! The templates that the program carries, `weir templates` and `weir new`.
//!
//! A template is a folder under `templates/`: `pipeline.json`, `template.toml` (title and summary in English and Korean),
//! `expected.json` (what a run must come to, for the tests) and the data files that the pipeline reads. To add one: the
//! folder and a line in [`ALL`]; a test finds a folder that is not listed.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use weir_engine::node::closest;
use weir_engine::report::aligned;

use crate::open::PIPELINE;
use crate::output::{Failure, Output};
use crate::{CommandResult, Verdict};

/// A template as it is embedded.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: &'static str,
    pipeline: &'static str,
    about: &'static str,
    /// Name and content of data files.
    files: &'static [(&'static str, &'static [u8])],
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
static ALL: &[Template] = &[
    template!("weekend-transactions"),
    template!("flights-replay"),
    template!("first-stream"),
];

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
    /// Writes all files of the template into `folder`, which must be there.
    pub(crate) fn write_to(&self, folder: &Path) -> Result<(), Failure> {
        write(&folder.join(PIPELINE), self.pipeline.as_bytes())?;
        self.files
            .iter()
            .try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|e| {
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

/// `weir templates`.
pub(crate) fn list(json: bool, output: &mut Output) -> CommandResult {
    #[derive(Serialize)]
    struct Listed {
        id: &'static str,
        #[serde(flatten)]
        about: About,
    }
    let listed = ALL.iter().map(|t| {
        Ok(Listed {
            id: t.id,
            about: t.about()?,
        })
    });
    let listed: Vec<Listed> = listed.collect::<Result<_, Failure>>()?;
    if json {
        output.print_json(&listed)?;
        return Ok(Verdict::Good);
    }
    let heading = ["Template", "Title", "Shows"].map(str::to_owned).to_vec();
    let rows = listed
        .into_iter()
        .map(|l| vec![l.id.to_owned(), l.about.title, l.about.summary]);
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    output.print(&aligned(&rows, &[]));
    Ok(Verdict::Good)
}

/// `weir new`.
pub(crate) fn new(id: &str, target: Option<&Path>, output: &mut Output) -> CommandResult {
    let template = find(id).ok_or_else(|| {
        let mend = closest(id, ids()).map_or_else(
            || "`weir templates` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Failure::new(format!("there is no template `{id}` ({mend})"))
    })?;
    let target = target.map_or_else(|| PathBuf::from(id), Path::to_owned);
    let file = if target.extension().is_some_and(|e| e == "json") {
        into_file(template, &target)?;
        target
    } else {
        into_folder(template, &target)?;
        target.join(PIPELINE)
    };
    output.print(&format!("{}", file.display()));
    output.note(&format!("run it with: weir run {}", file.display()));
    Ok(Verdict::Good)
}

fn into_file(template: &Template, file: &Path) -> Result<(), Failure> {
    if !template.files.is_empty() {
        return Err(Failure::new(format!(
            "the template `{}` brings data files: name a folder instead of a file",
            template.id
        )));
    }
    if file.symlink_metadata().is_ok() {
        return Err(Failure::new(format!(
            "`{}` is there already: name a new file, or remove this one",
            file.display()
        )));
    }
    write(file, template.pipeline.as_bytes())
}

fn into_folder(template: &Template, folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::new(format!(
            "the folder `{shown}` is not empty: name a new folder, or a file that ends in .json"
        )));
    }
    fs::create_dir_all(folder).map_err(|e| {
        Failure::new(format!(
            "the folder `{shown}` cannot be made ({e}): name another one"
        ))
    })?;
    template.write_to(folder)
}

#[cfg(test)]
mod tests {
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
