//! `cargo xtask bench --stdio`: palisade and rmcp answer the same `tools/call` over standard input and output,
//! and `cat` gives back what it is sent: with one call at a time, most of it is the system waking one process and
//! then the other, and no server can be faster than that.

use std::path::Path;

use crate::{
    bench::{Pins, probe, release_binary, table::median},
    failure::{Failure, Result},
    process::Program,
};

/// How many calls are under way at a time.
const WINDOWS: [u32; 2] = [1, 32];
/// Who is measured: a label, the binary, and what every answer holds. Without a binary it is `cat`.
const CONTENDERS: [(&str, Option<&str>, &str); 3] = [
    ("palisade", Some("bench-server"), probe::ANSWER),
    ("rmcp", Some("bench-rmcp"), probe::ANSWER),
    ("cat", None, r#""id":"#),
];
/// The least multiple of rmcp's speed at the median.
const TARGET: f64 = 2.0;
/// The most writes a call.
const MAX_WRITES: f64 = 2.0;

/// All rounds of one server with one window.
#[derive(Debug, Default)]
struct Row {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    writes: Vec<f64>,
}

/// Measures and compares; fails if a call takes too many writes.
pub(super) fn run(bench: &Path, pins: Option<&Pins>, seconds: u64, rounds: u32) -> Result {
    let load = release_binary(bench, "bench-lines")?;
    let mut servers = Vec::new();
    for (_, binary, answer) in CONTENDERS {
        let command = match binary {
            Some(binary) => {
                let binary = release_binary(bench, binary)?.display().to_string();
                [&binary, "--over", "stdio"].map(str::to_owned).to_vec()
            }
            None => vec!["cat".to_owned()],
        };
        servers.push((command, answer));
    }
    for window in WINDOWS {
        let mut rows = CONTENDERS.map(|_| Row::default());
        for _ in 0..rounds {
            for ((server, answer), row) in servers.iter().zip(&mut rows) {
                let mut program = Program::pinned(&load, pins.map(|pins| pins.load))
                    .args(["--seconds", &seconds.to_string(), "--window", &window.to_string()])
                    .args(["--body", probe::BODY, "--answer", answer, "--"]);
                if let Some(pins) = pins {
                    program = program.args(["taskset", "-c", pins.server]);
                }
                row.add(&program.args(server).output()?)?;
            }
        }
        print(window, &rows)?;
    }
    Ok(())
}

impl Row {
    /// Reads `result CALLS MICROSECONDS P50 P99 ERRORS WRITES`.
    fn add(&mut self, output: &str) -> Result {
        let line = output.lines().find_map(|line| line.strip_prefix("result "));
        let figures: Vec<f64> = line
            .into_iter()
            .flat_map(str::split_whitespace)
            .filter_map(|figure| figure.parse().ok())
            .collect();
        match figures.as_slice() {
            &[calls, micros, p50, p99, 0.0, writes] if calls > 0.0 && micros > 0.0 => {
                self.rates.push(calls / micros * 1e6);
                self.p50.push(p50);
                self.p99.push(p99);
                self.writes.push(writes / calls);
                Ok(())
            }
            _ => Err(Failure::new(format!("calls went wrong, or none were made:\n{output}"))),
        }
    }
}

fn print(window: u32, rows: &[Row; 3]) -> Result {
    let [ours, theirs, floor] = rows;
    println!("\nstdio, calls under way: {window}");
    println!(
        "  {:<12} {:>10} {:>9} {:>9} {:>12}",
        "", "calls/s", "p50 µs", "p99 µs", "writes/call"
    );
    for ((label, ..), row) in CONTENDERS.iter().zip(rows) {
        println!(
            "  {label:<12} {:>10.0} {:>9.1} {:>9.0} {:>12.2}",
            median(&row.rates),
            median(&row.p50),
            median(&row.p99),
            median(&row.writes)
        );
    }
    let rate = median(&ours.rates) / median(&theirs.rates);
    let speed = median(&theirs.p50) / median(&ours.p50);
    let most = median(&theirs.p50) / median(&floor.p50);
    let verdict = match speed {
        speed if speed >= TARGET => "met",
        _ if most < TARGET => "out of reach",
        _ => "MISSED",
    };
    println!(
        "  palisade : rmcp = {rate:.2} in calls/s, {speed:.2} in speed at the median (target {TARGET}, {verdict}; cat : rmcp = {most:.2})"
    );
    let writes = ours.writes.iter().copied().fold(0.0, f64::max);
    if writes > MAX_WRITES {
        return Err(Failure::new(format!("{writes:.2} writes a call, {MAX_WRITES} are allowed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn a_round_becomes_rates() {
        let mut row = Row::default();
        row.add("result 1000 2000000 12.5 80 0 1500\n").unwrap();
        assert_eq!((row.rates, row.p50, row.writes), (vec![500.0], vec![12.5], vec![1.5]));
    }

    #[test]
    fn errors_and_silence_are_failures() {
        for output in ["", "result 1 2 3 4 0\n", "result 1000 2000000 12 80 3 1000\n"] {
            assert!(Row::default().add(output).is_err(), "{output}");
        }
    }
}
