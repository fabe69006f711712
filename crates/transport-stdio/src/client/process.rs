//! The process of one server: how it starts, and how it and everything it started end.

#[cfg(target_os = "linux")]
mod descendants;
mod stderr;

use std::{future::pending, io, process::Stdio, time::Duration};

use palisade_security::ProcessLimits;
use palisade_transport::TransportError;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

#[cfg(target_os = "linux")]
use self::descendants::Descendants;
use self::stderr::drain;
use super::{
    check::{Checked, LaunchError},
    drive::{End, drive},
    link::Link,
};

/// How long a server may take to end by itself after its input was closed, and then after it was asked to.
/// Together with what the system needs to kill what is left, less than five seconds.
const TO_LEAVE: Duration = Duration::from_secs(2);
const TO_TERMINATE: Duration = Duration::from_millis(1500);
const TO_DIE: Duration = Duration::from_millis(500);
/// How long what a server wrote before it ended may take to arrive: a child of it may keep the pipe open.
const TO_ARRIVE: Duration = Duration::from_millis(500);

/// A server's process, the leader of a process group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Group,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// The process group. Dropping it kills what is left in it.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Process {
    /// Starts a program with its own process group and nothing inherited but the three pipes.
    pub(super) fn start(command: Checked, limits: &ProcessLimits) -> Result<Self, LaunchError> {
        let Checked { file, name, args, env, current_dir } = command;
        let mut child = Command::new(file)
            .arg0(name)
            .args(args)
            .env_clear()
            .envs(env)
            .current_dir(current_dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(LaunchError::Spawn)?;
        let pid = child.id();
        let group = Group(pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)));
        // One that has ended already needs none.
        pid.map_or(Ok(()), |pid| limit(pid, limits)).map_err(LaunchError::Limits)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(LaunchError::Spawn(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self { child, group, stdin, stdout, stderr })
    }

    /// Serves the process until it ends or the transport is to be closed, and sees to its end.
    pub(super) async fn serve(self, link: &Link) -> End {
        let Self { mut child, mut group, stdin, stdout, stderr } = self;
        let served = async {
            let end = serve_streams(link, &mut child, &mut group, stdin, stdout).await;
            // Whoever waits learns it now, not when the process is gone.
            link.drop_waiting(match end {
                End::Gone => TransportError::Interrupted,
                End::Closing => TransportError::Closed,
            });
            take_down(&mut child, &mut group).await;
            end
        };
        // A process that cannot write its complaints cannot end either.
        let drained = async {
            drain(stderr).await;
            pending().await
        };
        tokio::select! {
            end = served => end,
            end = drained => end,
        }
    }
}

/// Serves the streams. In the end the server's input is closed.
async fn serve_streams(
    link: &Link,
    child: &mut Child,
    group: &mut Group,
    stdin: ChildStdin,
    stdout: ChildStdout,
) -> End {
    let driving = drive(link, stdout, stdin);
    tokio::pin!(driving);
    tokio::select! {
        end = &mut driving => end,
        _ = child.wait() => {
            // What it started may hold on to the pipes.
            group.end();
            timeout(TO_ARRIVE, driving).await.unwrap_or(End::Gone)
        }
    }
}

/// The shutdown of the specification: wait, ask, force. Its input is closed already.
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio", "Shutdown".
async fn take_down(child: &mut Child, group: &mut Group) {
    let mut others = Descendants::default();
    let steps = [(TO_LEAVE, Signal::TERM), (TO_TERMINATE, Signal::KILL), (TO_DIE, Signal::KILL)];
    for (time, next) in steps {
        others.add(child.id());
        if timeout(time, child.wait()).await.is_ok() {
            break;
        }
        group.signal(next);
    }
    group.end();
    others.kill();
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // An empty group is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Kills what is left. Called right after the leader was waited for: its id is free for others from then
    /// on, and is not given out again before all others were.
    fn end(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sets the limits of a process that runs.
#[cfg(target_os = "linux")]
fn limit(pid: u32, limits: &ProcessLimits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, prlimit};

    // Without a process id it would be ours.
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    for (resource, limit) in [
        (Resource::Core, Some(0)),
        (Resource::As, limits.max_memory_bytes()),
        (Resource::Nofile, limits.max_open_files()),
        (Resource::Nproc, limits.max_processes()),
        (Resource::Cpu, limits.max_cpu_seconds()),
        (Resource::Fsize, limits.max_file_bytes()),
    ] {
        if limit.is_some() {
            prlimit(Some(pid), resource, Rlimit { current: limit, maximum: limit })?;
        }
    }
    Ok(())
}

/// Refuses limits, which only Linux sets on other processes.
#[cfg(not(target_os = "linux"))]
fn limit(_: u32, limits: &ProcessLimits) -> io::Result<()> {
    if *limits == ProcessLimits::new() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Nothing but the process group is known.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
struct Descendants;

#[cfg(not(target_os = "linux"))]
impl Descendants {
    fn add(&mut self, _: Option<u32>) {}
    fn kill(&self) {}
}
