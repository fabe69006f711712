//! What the suite starts in place of the client, so that a crash or a hang of the client is never
//! mistaken for success: the suite takes a process killed by a signal for one that exited with 0,
//! and on a time-out stops only the shell between it and the client.

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use crate::process::Program;

/// The client to run.
pub(super) const CLIENT: &str = "PALISADE_CONFORMANCE_CLIENT";
/// The file that shall hold how it ended.
pub(super) const RECORD: &str = "PALISADE_CONFORMANCE_RECORD";
/// Shorter than the time that the suite itself allows a client.
pub(super) const LIMIT: Duration = Duration::from_secs(25);

/// Runs the client with the arguments that the suite appended.
pub(crate) fn run(args: impl Iterator<Item = String>) -> ExitCode {
    let (Some(client), Some(record)) = (env::var_os(CLIENT), env::var_os(RECORD)) else {
        eprintln!("error: this command is for the conformance suite");
        return ExitCode::from(2);
    };
    let ended = match Program::new(client).args(args).run_limited(LIMIT) {
        Ok(Some(status)) => status.code().map_or(End::Killed, End::Exit),
        Ok(None) => End::TimedOut,
        Err(failure) => {
            eprintln!("error: {failure}");
            End::NotStarted
        }
    };
    if let Err(error) = std::fs::write(PathBuf::from(record), ended.to_line()) {
        eprintln!("error: the end of the client could not be recorded: {error}");
        return ExitCode::FAILURE;
    }
    match ended {
        End::Exit(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        End::Killed | End::TimedOut | End::NotStarted => ExitCode::FAILURE,
    }
}

/// How a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal.
    Killed,
    /// It was stopped by us.
    TimedOut,
    /// It was never there.
    NotStarted,
}

impl End {
    fn to_line(self) -> String {
        match self {
            Self::Exit(code) => format!("exit {code}\n"),
            Self::Killed => "killed\n".to_owned(),
            Self::TimedOut => "timed out\n".to_owned(),
            Self::NotStarted => "not started\n".to_owned(),
        }
    }

    /// Reads a record; a missing or odd one means that no client ran.
    pub(super) fn from_line(line: &str) -> Self {
        match line.trim() {
            "killed" => Self::Killed,
            "timed out" => Self::TimedOut,
            other => other
                .strip_prefix("exit ")
                .and_then(|code| code.parse().ok())
                .map_or(Self::NotStarted, Self::Exit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::End;

    #[test]
    fn records_are_read_back() {
        for end in [End::Exit(0), End::Exit(101), End::Killed, End::TimedOut, End::NotStarted] {
            assert_eq!(End::from_line(&end.to_line()), end);
        }
        assert_eq!(End::from_line(""), End::NotStarted);
    }
}
