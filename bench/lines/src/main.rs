//! Launches a server and calls it over its standard streams, so many calls at a time, in one thread. Prints
//! `result CALLS MICROSECONDS P50 P99 ERRORS WRITES`, where the writes are those that the kernel counted.
//!
//! `--seconds S --window N --body JSON --answer TEXT -- PROGRAM ARGUMENTS`: the body has the id 1, which becomes
//! the number of the call; the answer is a part of every right answer.

use std::{
    collections::VecDeque,
    error::Error,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Calls before the first that is measured.
const WARM_UP: u64 = 2_000;

/// What to call, and for how long.
#[derive(Debug, Default)]
struct Plan {
    time: Duration,
    window: usize,
    before_id: String,
    after_id: String,
    answer: String,
    program: Vec<String>,
}

/// A server that runs.
struct Server {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    line: String,
    next: u64,
    under_way: VecDeque<Instant>,
    errors: u64,
}

fn main() -> Result<()> {
    let plan = parse(std::env::args().skip(1))?;
    let mut server = Server::launch(&plan.program)?;
    while server.next < WARM_UP {
        server.fill(&plan)?;
        server.take_answer(&plan)?;
    }
    while !server.under_way.is_empty() {
        server.take_answer(&plan)?;
    }
    let mut latencies = Vec::new();
    let writes = server.writes()?;
    let start = Instant::now();
    while start.elapsed() < plan.time {
        server.fill(&plan)?;
        latencies.push(server.take_answer(&plan)?);
    }
    let took = start.elapsed();
    while !server.under_way.is_empty() {
        latencies.push(server.take_answer(&plan)?);
    }
    let writes = server.writes()?.saturating_sub(writes);
    let Server { mut child, requests, errors, .. } = server;
    drop(requests);
    child.wait()?;
    latencies.sort_unstable();
    writeln!(
        std::io::stdout(),
        "result {} {} {:.3} {:.3} {errors} {writes}",
        latencies.len(),
        took.as_micros(),
        percentile(&latencies, 50),
        percentile(&latencies, 99),
    )?;
    Ok(())
}

impl Server {
    fn launch(program: &[String]) -> Result<Self> {
        let (program, arguments) = program.split_first().ok_or("no program after `--`")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or("no pipe to write to")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe to read from")?);
        Ok(Self {
            child,
            requests,
            answers,
            line: String::new(),
            next: 0,
            under_way: VecDeque::new(),
            errors: 0,
        })
    }

    /// Sends as many calls as the window has room for.
    fn fill(&mut self, plan: &Plan) -> Result<()> {
        while self.under_way.len() < plan.window {
            self.line.clear();
            self.line.push_str(&plan.before_id);
            self.line.push_str(&self.next.to_string());
            self.line.push_str(&plan.after_id);
            self.next += 1;
            self.under_way.push_back(Instant::now());
            self.requests.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    /// Takes one answer. Those who answer out of turn have the time of the call that has waited longest.
    fn take_answer(&mut self, plan: &Plan) -> Result<Duration> {
        self.line.clear();
        if self.answers.read_line(&mut self.line)? == 0 {
            return Err("the server has left".into());
        }
        if !self.line.contains(&plan.answer) {
            if self.errors == 0 {
                eprintln!("not an answer: {}", self.line.trim_end());
            }
            self.errors += 1;
        }
        let sent = self.under_way.pop_front().ok_or("an answer to nothing")?;
        Ok(sent.elapsed())
    }

    /// How often the server has called `write` or its like.
    fn writes(&self) -> Result<u64> {
        let counters = std::fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let writes = counters.lines().find_map(|line| line.strip_prefix("syscw: "));
        Ok(writes.ok_or("the kernel does not count writes")?.trim().parse()?)
    }
}

/// In microseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Plan> {
    let mut plan = Plan { window: 1, ..Plan::default() };
    while let Some(name) = args.next() {
        if name == "--" {
            plan.program = args.by_ref().collect();
            break;
        }
        let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--seconds" => plan.time = Duration::from_secs(value.parse()?),
            "--window" => plan.window = value.parse::<usize>()?.max(1),
            "--answer" => plan.answer = value,
            "--body" => {
                let (before, after) = value.split_once("\"id\":1,").ok_or("a body without id 1")?;
                plan.before_id = format!("{before}\"id\":");
                plan.after_id = format!(",{after}\n");
            }
            _ => return Err(format!("`{name}` is not understood").into()),
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::{parse, percentile};
    use std::time::Duration;

    #[test]
    fn a_body_is_parted_at_its_id() {
        let args = ["--body", r#"{"id":1,"a":"b"}"#, "--window", "0", "--", "server", "--x"];
        let plan = parse(args.into_iter().map(str::to_owned)).unwrap();
        assert_eq!(
            (plan.before_id.as_str(), plan.after_id.as_str()),
            ("{\"id\":", ",\"a\":\"b\"}\n")
        );
        assert_eq!((plan.window, plan.program), (1, vec!["server".to_owned(), "--x".to_owned()]));
        assert!(parse(["--body", "{}"].into_iter().map(str::to_owned)).is_err());
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let latencies: Vec<_> = (1..=100).map(Duration::from_micros).collect();
        assert!((percentile(&latencies, 50) - 51.0).abs() < 1e-9);
        assert!((percentile(&latencies, 100) - 100.0).abs() < 1e-9);
        assert!(percentile(&[], 50).is_nan());
    }
}
