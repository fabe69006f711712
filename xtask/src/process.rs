//! Starting other programs: visibly, quietly, with a time limit, or as a server.

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::failure::{Failure, Result};

/// How often a process with a time limit is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A program about to be started.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    label: String,
}

impl Program {
    /// The program called `name`, found on the path.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref();
        let label = Path::new(name)
            .file_name()
            .map_or_else(|| name.to_string_lossy(), |file| file.to_string_lossy())
            .into_owned();
        Self { command: Command::new(name), label }
    }

    /// The program called `name`, kept on one processor if one is given.
    pub(crate) fn pinned(name: impl AsRef<OsStr>, processor: Option<&str>) -> Self {
        match processor {
            Some(processor) => Self::new("taskset").args(["-c", processor]).arg(name),
            None => Self::new(name),
        }
    }

    /// The `cargo` that runs us.
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.label.push(' ');
        self.label.push_str(&arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the folder it runs in.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Shows the command, runs it on our own streams and fails if it does.
    pub(crate) fn run(mut self) -> Result {
        println!("$ {}", self.label);
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        self.check(status)
    }

    /// Runs it quietly and returns what it printed; on failure, what it complained about.
    pub(crate) fn output(mut self) -> Result<String> {
        let output =
            self.command.stdin(Stdio::null()).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!(
                "`{}` failed ({}):\n{}",
                self.label,
                output.status,
                complaint.trim_end()
            )))
        }
    }

    /// Whether it can be started and succeeds; prints nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Shows the command and runs it; each line it prints is passed on and offered to `keep`,
    /// which says whether it shall be returned.
    pub(crate) fn run_keeping(
        mut self,
        keep: fn(&str) -> bool,
    ) -> Result<(ExitStatus, Vec<String>)> {
        println!("$ {}", self.label);
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let out = child.stdout.take().map(|stream| relay(stream, std::io::stdout(), keep));
        let err = child.stderr.take().map(|stream| relay(stream, std::io::stderr(), keep));
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        let kept = [err, out]
            .into_iter()
            .flatten()
            .flat_map(|relay| relay.join().unwrap_or_default())
            .collect();
        Ok((status, kept))
    }

    /// Runs it with both output streams in `log`; `None` if it had to be stopped after `limit`.
    pub(crate) fn run_logged(mut self, log: &Path, limit: Duration) -> Result<Option<ExitStatus>> {
        let file = File::create(log).map_err(Failure::at(log))?;
        let second = file.try_clone().map_err(Failure::at(log))?;
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(second)
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        wait_at_most(&mut child, limit).map_err(|error| self.not_started(&error))
    }

    /// Runs it on our own streams; `None` if it had to be stopped after `limit`.
    pub(crate) fn run_limited(mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let mut child = self.command.spawn().map_err(|error| self.not_started(&error))?;
        wait_at_most(&mut child, limit).map_err(|error| self.not_started(&error))
    }

    /// Starts a server and waits until it prints `listening on URL`.
    pub(crate) fn serve(mut self, log: PathBuf, limit: Duration) -> Result<Server> {
        let file = File::create(&log).map_err(Failure::at(&log))?;
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let mut server = Server { child, url: String::new() };
        let (send, receive) = mpsc::sync_channel(1);
        if let Some(stdout) = server.child.stdout.take() {
            thread::spawn(move || announce(stdout, &send));
        }
        match receive.recv_timeout(limit) {
            Ok(url) => {
                server.url = url;
                Ok(server)
            }
            Err(_) => {
                drop(server);
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                Err(Failure::new(format!(
                    "`{}` never printed `listening on URL`\n{}",
                    self.label,
                    said.trim_end()
                )))
            }
        }
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("`{}` did not start: {error}", self.label))
    }

    fn check(&self, status: ExitStatus) -> Result {
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("`{}` failed ({status})", self.label)))
        }
    }
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process is already gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Finds the `listening on` line, then keeps reading so that the server never blocks on a full pipe.
fn announce(stdout: ChildStdout, send: &mpsc::SyncSender<String>) {
    for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
        if let Some(url) = line.strip_prefix("listening on ") {
            // The receiver is gone only after its time limit.
            drop(send.send(url.trim().to_owned()));
        }
    }
}

fn relay(
    stream: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    keep: fn(&str) -> bool,
) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        for line in BufReader::new(stream).lines().map_while(std::io::Result::ok) {
            // Nobody reads us any more: the child still has to be drained.
            drop(writeln!(to, "{line}"));
            if keep(&line) {
                kept.push(line);
            }
        }
        kept
    })
}

fn wait_at_most(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Builds a binary with `cargo build` in `dir` and returns where cargo says that it is.
pub(crate) fn build_binary(dir: &Path, args: &[&str], name: &str) -> Result<PathBuf> {
    println!("building {name}");
    let messages = Program::cargo()
        .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
        .args(args)
        .dir(dir)
        .output()?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message.pointer("/target/name").and_then(|n| n.as_str()) == Some(name))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::new(format!("cargo built no `{name}`")))
}
