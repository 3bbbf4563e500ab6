//! Whether a text is Python at all, for the error under the line. The text is only parsed, never run: by a process of its own
//! that gets the text on its standard input, has no environment, and is killed when it takes long.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::{fingerprint, interpreter};

/// Texts whose verdict is remembered.
const REMEMBERED: usize = 256;
/// Parsing takes milliseconds; what takes longer is meant to.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(5);

const PARSE: &str = "
import ast, json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except Exception:
    pass
try:
    ast.parse(sys.stdin.buffer.read())
    print('null')
except SyntaxError as e:
    print(json.dumps({'line': e.lineno or 1, 'column': e.offset or 1, 'message': e.msg}))
except (ValueError, MemoryError, RecursionError) as e:
    print(json.dumps({'line': 1, 'column': 1, 'message': str(e) or 'the text is too deep'}))
";

/// Where a text is no Python, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SyntaxProblem {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1.
    pub column: u32,
    /// Python's own words.
    pub message: String,
}

static KNOWN: Mutex<BTreeMap<String, Option<SyntaxProblem>>> = Mutex::new(BTreeMap::new());

/// The first mistake of `code` that Python's parser finds; none on a machine without Python.
#[must_use]
pub fn python_syntax(code: &str) -> Option<SyntaxProblem> {
    let key = fingerprint(code);
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(&key) {
        return known.clone();
    }
    let found = parse(code)?;
    let mut known = lock();
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, found.clone());
    found
}

/// The verdict of the parser; none when there is none.
fn parse(code: &str) -> Option<Option<SyntaxProblem>> {
    let mut command = Command::new(interpreter()?);
    command.args(["-I", "-B", "-c", PARSE]).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    // Written from a thread: a parser that does not read must not hold the caller.
    let text = code.as_bytes().to_vec();
    let writer = std::thread::Builder::new()
        .name("weir-syntax".to_owned())
        .spawn(move || stdin.write_all(&text))
        .ok()?;
    let mut waited = Duration::ZERO;
    while waited < PATIENCE && child.try_wait().ok()?.is_none() {
        std::thread::sleep(STEP);
        waited += STEP;
    }
    if waited >= PATIENCE {
        let _ended = child.kill();
    }
    let output = child.wait_with_output().ok()?;
    let _written = writer.join();
    serde_json::from_slice(&output.stdout).ok()
}
