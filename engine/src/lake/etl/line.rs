//! Transforms as people write them: one line each, the name first.

use weir_detect::features::{Feature, MEASURES};

use super::super::sql::parse;
use super::steps::{EtlStep, JoinKind, Mapping, Resolve};

const NAMES: [&str; 13] = [
    "ApplyMapping",
    "Filter",
    "SelectFields",
    "DropFields",
    "RenameField",
    "DropNullFields",
    "ResolveChoice",
    "SQL",
    "Join",
    "DropDuplicates",
    "Relationalize",
    "Spigot",
    "Features",
];
/// Rows that `Spigot` writes when it does not say.
const SPIGOT_ROWS: u32 = 10;
/// Longest line; SQL has a limit of its own.
const LINE_BYTES_MAX: usize = 262_144;

impl EtlStep {
    /// Reads one line: the transform's name, then what it needs.
    ///
    /// # Errors
    /// One sentence on what is wrong, with an example.
    pub fn parse(line: &str) -> Result<Self, String> {
        let line = line.trim();
        if line.len() > LINE_BYTES_MAX {
            return Err("it is longer than 262,144 bytes; shorten it".to_owned());
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let known = NAMES.iter().find(|n| n.eq_ignore_ascii_case(name));
        let needs = |example: &str| Err(format!("{name} needs more; for example `{example}`"));
        Ok(match known.copied() {
            Some("ApplyMapping") => Self::ApplyMapping(mappings(rest)?),
            Some("Filter") if rest.is_empty() => return needs("Filter amount > 0"),
            Some("Filter") => {
                parse(&format!("SELECT * FROM source WHERE {rest}")).map_err(|e| e.to_string())?;
                Self::Filter(rest.to_owned())
            }
            Some("SelectFields") if rest.is_empty() => return needs("SelectFields id, amount"),
            Some("SelectFields") => Self::SelectFields(list(rest)),
            Some("DropFields") if rest.is_empty() => return needs("DropFields card, note"),
            Some("DropFields") => Self::DropFields(list(rest)),
            Some("RenameField") => match rest.split_once("->") {
                Some((from, to)) => Self::RenameField(unquoted(from), unquoted(to)),
                None => return needs("RenameField user_id -> customer_id"),
            },
            Some("DropNullFields") => Self::DropNullFields,
            Some("ResolveChoice") => Self::ResolveChoice(choices(rest)?),
            Some("SQL") if rest.is_empty() => return needs("SQL SELECT * FROM source"),
            Some("SQL") => {
                parse(rest).map_err(|e| e.to_string())?;
                Self::Sql(rest.to_owned())
            }
            Some("Join") => join(rest)?,
            Some("DropDuplicates") => Self::DropDuplicates(list(rest)),
            Some("Relationalize") => Self::Relationalize(if rest.is_empty() {
                "root".to_owned()
            } else {
                unquoted(rest)
            }),
            Some("Spigot") => spigot(rest)?,
            Some("Features") => features(rest)?,
            _ => {
                return Err(format!(
                    "`{}` is no transform; there is {}",
                    name.chars().take(40).collect::<String>(),
                    NAMES.join(", ")
                ));
            }
        })
    }
}

fn mappings(rest: &str) -> Result<Vec<Mapping>, String> {
    const EXAMPLE: &str =
        "for example `ApplyMapping user_id -> customer_id string, amount -> amount decimal(10,2)`";
    let mut all = Vec::new();
    for part in parts(rest) {
        let (from, to) = part
            .split_once("->")
            .ok_or_else(|| format!("`{part}` is no mapping; {EXAMPLE}"))?;
        let to = to.trim();
        let (name, type_name) = match to.strip_prefix('"').and_then(|t| t.split_once('"')) {
            Some((name, rest)) => (name, rest.trim()),
            None => to.split_once(char::is_whitespace).unwrap_or((to, "")),
        };
        if name.is_empty() {
            return Err(format!("`{part}` names no new column; {EXAMPLE}"));
        }
        all.push(Mapping {
            from: unquoted(from),
            to: name.to_owned(),
            type_name: Some(type_name.trim().to_owned()).filter(|t| !t.is_empty()),
        });
    }
    if all.is_empty() {
        return Err(format!("ApplyMapping maps nothing; {EXAMPLE}"));
    }
    Ok(all)
}

fn choices(rest: &str) -> Result<Vec<(String, Resolve)>, String> {
    const EXAMPLE: &str = "for example `ResolveChoice price cast:double, code make_cols`";
    let mut all = Vec::new();
    for part in parts(rest) {
        let (name, action) = part
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(|| format!("`{part}` says not what to do; {EXAMPLE}"))?;
        let resolve = match action.split_once(':') {
            Some(("cast", wanted)) => Resolve::Cast(wanted.to_owned()),
            Some(("project", wanted)) => Resolve::Project(wanted.to_owned()),
            None if action == "make_cols" => Resolve::MakeCols,
            None if action == "make_struct" => Resolve::MakeStruct,
            _ => {
                return Err(format!(
                    "`{action}` is none of cast:type, project:type, make_cols, make_struct; {EXAMPLE}"
                ));
            }
        };
        all.push((unquoted(name), resolve));
    }
    if all.is_empty() {
        return Err(format!("ResolveChoice names no column; {EXAMPLE}"));
    }
    Ok(all)
}

fn join(rest: &str) -> Result<EtlStep, String> {
    let wrong = || {
        "a join names its table and the equal columns; for example `Join left customers ON user_id = id`".to_owned()
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let place = words
        .iter()
        .position(|w| w.eq_ignore_ascii_case("on"))
        .ok_or_else(wrong)?;
    let (before, after) = words.split_at(place);
    let (kind, table) = match before {
        [table] => (JoinKind::Inner, *table),
        [kind, table] => (
            match kind.to_lowercase().as_str() {
                "inner" => JoinKind::Inner,
                "left" => JoinKind::Left,
                "right" => JoinKind::Right,
                "outer" | "full" => JoinKind::Outer,
                "leftsemi" => JoinKind::LeftSemi,
                "leftanti" => JoinKind::LeftAnti,
                _ => {
                    return Err(format!(
                        "`{kind}` is none of inner, left, right, outer, leftsemi, leftanti"
                    ));
                }
            },
            *table,
        ),
        _ => return Err(wrong()),
    };
    let mut on = Vec::new();
    for pair in parts(&after.get(1..).unwrap_or_default().join(" ")) {
        let (left, right) = pair.split_once('=').ok_or_else(wrong)?;
        on.push((unquoted(left), unquoted(right)));
    }
    if on.is_empty() {
        return Err(wrong());
    }
    Ok(EtlStep::Join(kind, unquoted(table), on))
}

fn spigot(rest: &str) -> Result<EtlStep, String> {
    let (path, rows) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let rows = match rows.trim() {
        "" => SPIGOT_ROWS,
        n => {
            let rows = n.parse().ok();
            rows.ok_or_else(|| format!("`{n}` is no number of rows"))?
        }
    };
    if path.is_empty() || path.starts_with('/') || path.contains("..") || rows > 10_000 {
        return Err("Spigot names a folder of the target bucket and at most 10,000 rows; for example `Spigot samples/ 100`".to_owned());
    }
    Ok(EtlStep::Spigot(
        format!("{}/", path.trim_end_matches('/')),
        rows,
    ))
}

fn features(rest: &str) -> Result<EtlStep, String> {
    const EXAMPLE: &str = "for example `Features vibration_std_16, vibration_power_64 BY machine_id ORDER BY event_time`";
    // So that a list without a feature is told as that, not as one without an order.
    let rest = format!(" {rest}");
    let upper = rest.to_ascii_uppercase();
    let order = upper
        .rfind(" ORDER BY ")
        .ok_or_else(|| format!("features need an order; {EXAMPLE}"))?;
    let (before, after) = (&rest.get(..order), rest.get(order + " ORDER BY ".len()..));
    let before = before.unwrap_or_default();
    let (names, keys) = match upper.get(..order).and_then(|u| u.rfind(" BY ")) {
        Some(at) => (before.get(..at), before.get(at + " BY ".len()..)),
        None => (Some(before), None),
    };
    let mut all = Vec::new();
    for name in list(names.unwrap_or_default()) {
        let feature = Feature::parse(&name);
        all.push(feature.ok_or_else(|| {
            let known: Vec<&str> = MEASURES.iter().map(|(n, _)| *n).collect();
            format!("`{name}` is no field_measure_records; measures are {} (spectra take a power of two from 8 to 1024); {EXAMPLE}", known.join(", "))
        })?);
    }
    if all.is_empty() {
        return Err(format!("Features computes nothing; {EXAMPLE}"));
    }
    Ok(EtlStep::Features(
        all.into_iter()
            .map(|f| (f.name(), f.field, f.measure.name(), f.records))
            .collect(),
        keys.map_or_else(Vec::new, list),
        unquoted(after.unwrap_or_default()),
    ))
}

/// Parts between commas that are not inside brackets or quotes.
fn parts(text: &str) -> Vec<String> {
    let (mut all, mut open, mut depth, mut quote) = (Vec::new(), String::new(), 0_u32, false);
    for c in text.chars() {
        match c {
            '"' => quote = !quote,
            '(' | '<' if !quote => depth += 1,
            // The arrow of a mapping is no bracket.
            '>' if !quote && open.ends_with('-') => {}
            ')' | '>' if !quote => depth = depth.saturating_sub(1),
            ',' if !quote && depth == 0 => {
                all.push(std::mem::take(&mut open));
                continue;
            }
            _ => {}
        }
        open.push(c);
    }
    all.push(open);
    all.retain(|p| !p.trim().is_empty());
    all
}

fn list(text: &str) -> Vec<String> {
    parts(text).iter().map(|p| unquoted(p)).collect()
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').trim().to_owned()
}
