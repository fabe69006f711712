//! The load: `wrk` where it is installed, our own generator in `bench/` otherwise.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    bench::probe,
    failure::{Failure, Result},
    process::Program,
};

/// What one round showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) requests: f64,
    pub(super) seconds: f64,
    /// Latency in microseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Makes the load.
#[derive(Debug)]
pub(super) struct Generator {
    kind: Kind,
    processor: Option<&'static str>,
}

#[derive(Debug)]
enum Kind {
    /// `wrk`, with a folder for its script.
    Wrk(PathBuf),
    /// The program `bench-load`.
    Own(PathBuf),
}

impl Generator {
    /// Chooses a generator, kept on `processor` if one is given.
    pub(super) fn find(
        bench: &Path,
        scratch: &Path,
        processor: Option<&'static str>,
    ) -> Result<Self> {
        // `wrk --version` prints its version and exits with 1.
        let has_wrk = Program::new("sh").args(["-c", "command -v wrk"]).succeeds();
        let kind = if has_wrk {
            Kind::Wrk(scratch.to_owned())
        } else {
            Kind::Own(super::release_binary(bench, "bench-load")?)
        };
        Ok(Self { kind, processor })
    }

    /// What to call it.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Wrk(_) => "wrk, one thread",
            Kind::Own(_) => "bench-load, one thread (wrk is not installed)",
        }
    }

    /// Calls the server at `url` over and over for `time`; fails if any answer is not 200.
    pub(super) fn run(
        &self,
        url: &str,
        token: Option<&str>,
        connections: u32,
        time: Duration,
    ) -> Result<Sample> {
        let seconds = time.as_secs().to_string();
        let connections = connections.to_string();
        let output = match &self.kind {
            Kind::Wrk(folder) => {
                let script = folder.join("call.lua");
                std::fs::write(&script, lua(token)).map_err(Failure::at(&script))?;
                Program::pinned("wrk", self.processor)
                    .args(["-t1", "-c", &connections, "-d", &format!("{seconds}s")])
                    .arg("-s")
                    .arg(&script)
                    .arg(url)
                    .output()?
            }
            Kind::Own(program) => {
                let headers = probe::headers(token);
                Program::pinned(program, self.processor)
                    .args(["--url", url, "--connections", &connections, "--seconds", &seconds])
                    .args(["--body", probe::BODY])
                    .args(headers.iter().map(|(name, value)| format!("--header={name}: {value}")))
                    .output()?
            }
        };
        parse(&output)
    }
}

/// The script for `wrk`: one fixed request, and the figures on one line at the end.
fn lua(token: Option<&str>) -> String {
    let mut script = format!("wrk.method = \"POST\"\nwrk.body = [==[{}]==]\n", probe::BODY);
    for (name, value) in probe::headers(token) {
        script.push_str(&format!("wrk.headers[\"{name}\"] = \"{value}\"\n"));
    }
    script.push_str(
        "done = function(summary, latency)\n  \
           local e = summary.errors\n  \
           local errors = e.connect + e.read + e.write + e.status + e.timeout\n  \
           io.write(string.format(\"result %d %d %.3f %.3f %d\\n\", summary.requests,\n    \
             summary.duration, latency:percentile(50), latency:percentile(99), errors))\n\
         end\n",
    );
    script
}

/// Reads `result REQUESTS MICROSECONDS P50 P99 ERRORS`.
fn parse(output: &str) -> Result<Sample> {
    let line = output.lines().find_map(|line| line.strip_prefix("result "));
    let figures: Vec<f64> = line
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(|figure| figure.parse().ok())
        .collect();
    match figures.as_slice() {
        &[requests, micros, p50, p99, errors] if requests > 0.0 && micros > 0.0 => {
            if errors > 0.0 {
                return Err(Failure::new(format!("{errors} of {requests} calls went wrong")));
            }
            Ok(Sample { requests, seconds: micros / 1e6, p50, p99 })
        }
        _ => Err(Failure::new(format!("the load generator printed no result:\n{output}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sample, lua, parse};

    #[test]
    fn the_result_line_is_read() {
        let sample = parse("noise\nresult 1000 2000000 12.5 80 0\n").unwrap();
        assert_eq!(sample, Sample { requests: 1000.0, seconds: 2.0, p50: 12.5, p99: 80.0 });
    }

    #[test]
    fn errors_and_silence_are_failures() {
        for output in
            ["", "result 1 2 3 4\n", "result 1000 2000000 12 80 3\n", "result 0 1 0 0 0\n"]
        {
            assert!(parse(output).is_err(), "{output}");
        }
    }

    #[test]
    fn the_token_goes_into_the_script_only_where_one_is_wanted() {
        assert!(lua(Some("abc")).contains("\"Bearer abc\""));
        assert!(!lua(None).contains("Authorization"));
    }
}
