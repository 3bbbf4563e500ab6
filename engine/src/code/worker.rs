//! One Python process: started for an execution environment, asked call by call, killed when it takes too long.
//!
//! A frame is 4 bytes of length, big end first, and as many bytes of JSON. The process's standard streams carry frames only;
//! `runtime.py` keeps user code away from them, and what breaks the framing all the same ends the process.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Host, interpreter};

/// An answer is 6 MB at the most, and its text is JSON inside JSON.
const FRAME_MAX: u32 = 32 << 20;
/// The interpreter itself has this long to start; AWS gives the initialisation 10 s.
const START: Duration = Duration::from_secs(30);
/// Between two looks whether the run was stopped.
const SLICE: Duration = Duration::from_millis(20);

const RUNTIME: &str = include_str!("runtime.py");
const GUARD: &str = include_str!("guard.py");

/// What a worker runs.
#[derive(Debug, Clone)]
pub struct Program {
    /// The text of the module.
    pub code: Arc<str>,
    /// `module.function`.
    pub handler: String,
    /// The function's name.
    pub name: String,
    /// The run's region.
    pub region: String,
    /// Memory that it may use, MB.
    pub memory_mb: u32,
    /// Of its random numbers.
    pub seed: u64,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The event, JSON.
    pub event: Value,
    /// The request's id.
    pub request: String,
    /// Milliseconds since 1970 that the code's clock shows at the beginning.
    pub now_ms: i64,
    /// Seconds that the code may take, by its own clock and by this machine's.
    pub timeout_seconds: u32,
}

/// Why a call has no result, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failed {
    /// For example `KeyError` or `Runtime.ImportModuleError`.
    #[serde(rename = "errorType")]
    pub kind: String,
    /// What it says.
    #[serde(rename = "errorMessage")]
    pub message: String,
    /// The lines of the traceback that are the user's.
    #[serde(rename = "stackTrace", default)]
    pub stack: Vec<String>,
}

impl Failed {
    /// An error without a traceback.
    #[must_use]
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
            stack: Vec::new(),
        }
    }
    /// True when the environment cannot go on.
    #[must_use]
    pub fn ends_environment(&self) -> bool {
        self.kind.starts_with("Runtime.") && self.kind != "Runtime.MarshalError"
            || self.kind == "Sandbox.Timedout"
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        for line in &self.stack {
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// What became of a call.
#[derive(Debug)]
pub struct Answer {
    /// What the handler returned.
    pub result: Result<Value, Failed>,
    /// Records that it put with a client of AWS.
    pub sent: Vec<String>,
    /// What it printed, bounded.
    pub log: String,
    /// Time that it slept, by its own clock.
    pub slept: Duration,
    /// Time that it took on this machine.
    pub host: Duration,
}

impl Answer {
    fn failed(why: Failed) -> Self {
        Self {
            result: Err(why),
            sent: Vec::new(),
            log: String::new(),
            slept: Duration::ZERO,
            host: Duration::ZERO,
        }
    }
}

/// The place of one environment's worker. Starts empty; the first call starts the process, a call that ends it empties it.
#[derive(Debug, Default)]
pub struct Slot {
    worker: Mutex<Option<Worker>>,
    /// The process is not to be used again.
    retired: AtomicBool,
}

impl Slot {
    /// Ends the process, at once or after the call that it is at work on: the next call starts another.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        if let Ok(mut place) = self.worker.try_lock() {
            *place = None;
        }
    }
    /// Runs one call, starting the process when there is none. Blocks until the answer, the timeout or the end of the run.
    ///
    /// # Errors
    /// When this machine cannot run it at all: no Python, no process, or the run was stopped.
    pub fn call(&self, host: &Host, program: &Program, call: &Call) -> Result<Answer, String> {
        let mut place = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if self.retired.swap(false, Ordering::SeqCst) {
            *place = None;
        }
        let mut first_log = String::new();
        if place.is_none() {
            let mut worker = Worker::start(host, program, call)?;
            let setup = worker.read(host, START + seconds(call))?;
            first_log = setup.log.clone();
            if let Some(error) = setup.error {
                return Ok(Answer {
                    log: first_log,
                    ..Answer::failed(error)
                });
            }
            if let Some(end) = setup.end {
                return Ok(Answer::failed(end));
            }
            *place = Some(worker);
        }
        let Some(worker) = place.as_mut() else {
            return Err("a worker vanished".to_owned());
        };
        let limit = seconds(call);
        worker.write(&json!({
            "event": call.event, "request": call.request, "now": seconds_since_1970(call.now_ms), "timeout": call.timeout_seconds,
        }));
        let reply = worker.read(host, limit)?;
        let mut answer = reply.answer(call);
        first_log.push_str(&answer.log);
        answer.log = first_log;
        let over = answer.result.as_ref().err();
        let ends = over.is_some_and(Failed::ends_environment);
        if ends || self.retired.load(Ordering::SeqCst) {
            *place = None;
        }
        Ok(answer)
    }
}

fn seconds(call: &Call) -> Duration {
    Duration::from_secs(u64::from(call.timeout_seconds))
}

fn seconds_since_1970(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// What a process wrote, or how it ended.
#[derive(Debug, Default, Deserialize)]
struct Reply {
    #[serde(default)]
    error: Option<Failed>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    sent: Vec<String>,
    #[serde(default)]
    log: String,
    #[serde(default)]
    slept: f64,
    #[serde(default)]
    took: f64,
    /// The process ended instead.
    #[serde(skip)]
    end: Option<Failed>,
}

impl Reply {
    fn ended(why: Failed) -> Self {
        Self {
            end: Some(why),
            ..Self::default()
        }
    }
    fn answer(self, call: &Call) -> Answer {
        let time = |secs: f64| Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO);
        let slept = time(self.slept);
        let result = match (self.end, self.error, self.value) {
            (Some(end), _, _) | (None, Some(end), _) => Err(end),
            // The code slept past its time: its clock says so, not this machine's.
            (None, None, None) => Err(timed_out(call.timeout_seconds)),
            (None, None, Some(text)) => serde_json::from_str(&text).map_err(|e| {
                Failed::new(
                    "Runtime.MarshalError",
                    format!("the answer is no JSON that can be read: {e}"),
                )
            }),
        };
        Answer {
            result,
            sent: self.sent,
            log: self.log,
            slept,
            host: time(self.took),
        }
    }
}

fn timed_out(secs: u32) -> Failed {
    Failed::new(
        "Sandbox.Timedout",
        format!("Task timed out after {secs}.00 seconds"),
    )
}

/// A live process with the thread that speaks to it. Dropping it kills the process.
struct Worker {
    child: Child,
    requests: Option<SyncSender<Vec<u8>>>,
    replies: Receiver<io::Result<Vec<u8>>>,
    timeout_seconds: u32,
    _folder: TempDir,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.child.id())
    }
}

impl Worker {
    fn start(host: &Host, program: &Program, call: &Call) -> Result<Self, String> {
        Host::python_is_there()?;
        let python = interpreter().unwrap_or("python3");
        let folder = tempfile::Builder::new()
            .prefix("code-")
            .tempdir_in(&host.folder)
            .map_err(|e| format!("a function has no place to run: {e}"))?;
        let runtime = RUNTIME.replacen("#GUARD", GUARD, 1);
        let mut command = Command::new(python);
        // What `-I` does, but for the seed of hashes, which makes the order of sets the same in every run: no user site, and
        // no environment that could name other modules; the runtime takes the working folder off the path.
        command.args(["-s", "-B", "-c", &runtime]);
        command.env_clear().env("PYTHONHASHSEED", "0");
        command.env("PYTHONSAFEPATH", "1").env("TZ", "UTC");
        command.env("PYTHONIOENCODING", "utf-8");
        command.env("TMPDIR", folder.path());
        // Without it Windows starts no Python.
        for name in ["SYSTEMROOT", "SystemRoot"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let failed = |e: io::Error| format!("`{python}` could not be started: {e}");
        let mut child = command.spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("`{python}` has no streams"));
        };
        let (requests, from_requests) = sync_channel(1);
        let (to_replies, replies) = sync_channel(1);
        std::thread::Builder::new()
            .name("weir-code".to_owned())
            .spawn(move || speak(&from_requests, &to_replies, stdin, stdout))
            .map_err(failed)?;
        let worker = Self {
            child,
            requests: Some(requests),
            replies,
            timeout_seconds: call.timeout_seconds,
            _folder: folder,
        };
        let (module, handler) = program
            .handler
            .rsplit_once('.')
            .unwrap_or(("lambda_function", &program.handler));
        worker.write(&json!({
            "code": &*program.code, "module": module, "handler": handler, "name": program.name, "region": program.region,
            "memory_mb": program.memory_mb, "seed": program.seed, "now": seconds_since_1970(call.now_ms),
            "timeout": call.timeout_seconds,
        }));
        Ok(worker)
    }
    fn write(&self, message: &Value) {
        // A thread that is gone has left its reason in the replies.
        if let Some(requests) = &self.requests {
            let _gone = requests.send(message.to_string().into_bytes());
        }
    }
    /// The next frame; how the process ended when there is none within `limit` of this machine's time.
    fn read(&mut self, host: &Host, limit: Duration) -> Result<Reply, String> {
        let mut waited = Duration::ZERO;
        loop {
            match self.replies.recv_timeout(SLICE) {
                Ok(Ok(bytes)) => {
                    return Ok(serde_json::from_slice(&bytes).unwrap_or_else(|e| {
                        self.kill();
                        let why = format!("the runtime wrote what it should not: {e}");
                        Reply::ended(Failed::new("Runtime.ExitError", why))
                    }));
                }
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    self.kill();
                    let why = "Runtime exited without providing a reason";
                    return Ok(Reply::ended(Failed::new("Runtime.ExitError", why)));
                }
                Err(RecvTimeoutError::Timeout) => {
                    waited += SLICE;
                    if host.cancel.is_cancelled() {
                        self.kill();
                        return Err("the run was stopped".to_owned());
                    }
                    if waited >= limit {
                        self.kill();
                        return Ok(Reply::ended(timed_out(self.timeout_seconds)));
                    }
                }
            }
        }
    }
    fn kill(&mut self) {
        self.requests = None;
        // One that has ended already cannot be killed, and need not be.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes requests on and brings replies back, until either end is closed.
fn speak(
    requests: &Receiver<Vec<u8>>,
    replies: &SyncSender<io::Result<Vec<u8>>>,
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
) {
    while let Ok(request) = requests.recv() {
        let sent = write_frame(&mut stdin, &request);
        let reply = sent.and_then(|()| read_frame(&mut stdout));
        let failed = reply.is_err();
        if replies.send(reply).is_err() || failed {
            return;
        }
    }
}

fn write_frame(to: &mut ChildStdin, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_too_long| io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(frame)?;
    to.flush()
}

fn read_frame(from: &mut ChildStdout) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > FRAME_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut frame)?;
    if frame.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(frame)
}
