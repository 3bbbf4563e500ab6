//! `weir templates` and `weir new`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use weir_engine::node::closest;
use weir_engine::report::aligned;

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::PIPELINE;
use crate::templates::{self, Template, write};

/// `weir templates`.
pub(crate) fn list(json: bool, output: &mut Output) -> CommandResult {
    #[derive(Serialize)]
    struct Listed {
        id: &'static str,
        #[serde(flatten)]
        about: templates::About,
    }
    let listed = templates::ALL.iter().map(|t| {
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
    let template = templates::find(id).ok_or_else(|| {
        let mend = closest(id, templates::ids()).map_or_else(
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
