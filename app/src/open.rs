//! A pipeline from its name: a file, a folder with a `pipeline.json`, or a template.

use std::path::{Path, PathBuf};

use weir_engine::data::Root;
use weir_engine::disk::Temporary;
use weir_engine::document::Document;
use weir_engine::node::closest;

use crate::failure::Failure;
use crate::templates::{self, Template};

/// The document's name in a folder.
pub(crate) const PIPELINE: &str = "pipeline.json";

/// A document and where it may read files.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) doc: Document,
    pub(crate) root: Root,
    /// The document's file; in a temporary folder for a template.
    pub(crate) path: PathBuf,
    /// The template, when it is one.
    pub(crate) template: Option<&'static Template>,
    /// Files of a template while it is used from the program itself.
    pub(crate) unpacked: Option<Temporary>,
}

/// Opens `name`: a path wins over a template of the same name.
pub(crate) fn open(name: &str) -> Result<Opened, Failure> {
    let path = Path::new(name);
    if path.is_dir() {
        let inside = path.join(PIPELINE);
        if inside.is_file() {
            return file(&inside, None);
        }
        if templates::find(name).is_none() {
            return Err(Failure::new(format!(
                "`{name}` is a folder without a `{PIPELINE}`: name the pipeline's file"
            )));
        }
    } else if path.exists() {
        return file(path, None);
    }
    let Some(template) = templates::find(name) else {
        return Err(not_found(name));
    };
    let unpacked = Temporary::new("template");
    let unpacked =
        unpacked.map_err(|e| Failure::new(format!("no temporary folder can be made ({e})")))?;
    template.write_to(unpacked.path())?;
    let mut opened = file(&unpacked.path().join(PIPELINE), Some(unpacked))?;
    opened.template = Some(template);
    Ok(opened)
}

fn file(path: &Path, unpacked: Option<Temporary>) -> Result<Opened, Failure> {
    let doc = Document::load(path).map_err(|e| Failure::new(format!("{}: {e}", path.display())))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let root = Root::new(&folder);
    Ok(Opened {
        doc,
        root,
        path: path.to_owned(),
        template: None,
        unpacked,
    })
}

/// Whether there is something to open by this name, without reading it.
pub(crate) fn is_there(name: &str) -> Result<(), Failure> {
    if Path::new(name).exists() || templates::find(name).is_some() {
        return Ok(());
    }
    Err(not_found(name))
}

fn not_found(name: &str) -> Failure {
    let ids = templates::ids();
    let mend = closest(name, ids.iter().copied()).map_or_else(
        || "`weir templates` lists the templates, `weir --help` the commands".to_owned(),
        |id| format!("did you mean the template `{id}`?"),
    );
    Failure::new(format!(
        "there is no file `{name}` and no template of that name ({mend})"
    ))
}
