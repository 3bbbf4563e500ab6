//! `weir shots`: the pictures of the README, taken of the designer without a window.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::Output;
use super::{CommandResult, Verdict, shots_report};
use crate::designer::Lang;
use crate::designer::headless::{Look, PICTURES, Picture};
use crate::failure::Failure;

/// The picture that a browser takes.
const REPORT: &str = "report";
/// Side lengths and scales that make a picture of a sensible size.
const SIDES: std::ops::RangeInclusive<f32> = 320.0..=7680.0;
const SCALES: std::ops::RangeInclusive<f32> = 0.5..=4.0;

#[derive(Debug, Args)]
pub(crate) struct ShotsArguments {
    /// Folder for the pictures
    #[arg(long, value_name = "DIR", default_value = "screenshots")]
    out: PathBuf,
    /// Only this picture; may be given again
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Language; English, and Korean for some, by default
    #[arg(long, value_name = "LANG", value_parser = lang)]
    lang: Option<Lang>,
    /// Dark only
    #[arg(long, conflicts_with = "light")]
    dark: bool,
    /// Light only
    #[arg(long)]
    light: bool,
    /// Points
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1440x900", value_parser = size)]
    size: egui::Vec2,
    /// Pixels a point
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = scale)]
    scale: f32,
}

fn lang(text: &str) -> Result<Lang, String> {
    match text {
        "en" => Ok(Lang::En),
        "ko" => Ok(Lang::Ko),
        _ => Err(format!(
            "`{text}` is no language of the designer: use `en` or `ko`"
        )),
    }
}

fn size(text: &str) -> Result<egui::Vec2, String> {
    let side = |text: &str| text.parse::<f32>().ok().filter(|s| SIDES.contains(s));
    let sides = text
        .split_once('x')
        .and_then(|(w, h)| Some((side(w)?, side(h)?)));
    let (width, height) = sides.ok_or_else(|| {
        format!(
            "`{text}` is no size: write width and height from 320 to 7680, for example `1440x900`"
        )
    })?;
    Ok(egui::vec2(width, height))
}

fn scale(text: &str) -> Result<f32, String> {
    let scale = text.parse::<f32>().ok().filter(|s| SCALES.contains(s));
    scale.ok_or_else(|| format!("`{text}` is no scale: use 0.5 to 4"))
}

impl ShotsArguments {
    /// The looks that `picture` is taken in, and what their files' names end in.
    fn looks(&self, picture: &Picture) -> Vec<(Look, String)> {
        let look = |lang, dark| Look {
            lang,
            dark,
            size: self.size,
            scale: self.scale,
        };
        let dark = (self.dark || self.light).then_some(self.dark);
        let mut looks = vec![look(self.lang.unwrap_or(Lang::En), dark.unwrap_or(true))];
        if picture.variants && self.lang.is_none() {
            looks.push(look(Lang::Ko, dark.unwrap_or(true)));
        }
        if picture.variants && dark.is_none() {
            looks.extend(looks.clone().into_iter().map(|l| Look { dark: false, ..l }));
        }
        let suffix = |l: &Look| {
            let lang = if l.lang == Lang::Ko { "-ko" } else { "" };
            format!("{lang}{}", if l.dark { "" } else { "-light" })
        };
        looks.into_iter().map(|l| (l, suffix(&l))).collect()
    }
}

pub(crate) fn shots(arguments: &ShotsArguments, output: &mut Output) -> CommandResult {
    for name in &arguments.only {
        if name != REPORT && !PICTURES.iter().any(|p| p.name == name) {
            let names = PICTURES.iter().map(|p| p.name).chain([REPORT]);
            let names: Vec<&str> = names.collect();
            return Err(Failure::new(format!(
                "there is no picture `{name}`: there are {}",
                names.join(", ")
            )));
        }
    }
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|e| {
        Failure::new(format!(
            "`{}` cannot be made ({e}): name another place",
            out.display()
        ))
    })?;
    let wanted =
        |p: &&Picture| arguments.only.is_empty() || arguments.only.iter().any(|n| n == p.name);
    let mut verdict = Verdict::Good;
    for picture in PICTURES.iter().filter(wanted) {
        for (look, suffix) in arguments.looks(picture) {
            let path = out.join(format!("{}{suffix}.png", picture.name));
            match take(picture, look, &path) {
                Ok(()) => output.print(&format!("{}  {}", path.display(), picture.about)),
                Err(why) => {
                    output.note(&format!("error: {}: {why}", picture.name));
                    verdict = Verdict::Missed;
                }
            }
        }
    }
    let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(|n| n == REPORT);
    if is_wanted && report(arguments, output) == Verdict::Missed {
        verdict = Verdict::Missed;
    }
    Ok(verdict)
}

/// The report in English and Korean. It has one look: it is to be printed.
fn report(arguments: &ShotsArguments, output: &mut Output) -> Verdict {
    let Some(browser) = shots_report::browser() else {
        output.note("no picture of the report: there is no Chromium on this machine");
        return Verdict::Good;
    };
    let langs = match arguments.lang {
        Some(lang) => vec![lang],
        None => vec![Lang::En, Lang::Ko],
    };
    let mut verdict = Verdict::Good;
    for lang in langs {
        let suffix = if lang == Lang::Ko { "-ko" } else { "" };
        let path = arguments.out.join(format!("{REPORT}{suffix}.png"));
        match shots_report::picture(&browser, lang, &path) {
            Ok(()) => output.print(&format!("{}  a report", path.display())),
            Err(why) => {
                output.note(&format!("error: {REPORT}: {why}"));
                verdict = Verdict::Missed;
            }
        }
    }
    verdict
}

fn take(picture: &Picture, look: Look, path: &Path) -> Result<(), String> {
    (picture.take)(look)?.save(path)
}
