//! The figures, one line a server, and the ratios that the project promises.

use crate::bench::{load::Sample, stat::Usage};

/// The servers that the ratios are about.
pub(super) const HYPER: &str = "bare hyper";
pub(super) const OPEN: &str = "palisade, no token";
pub(super) const PALISADE: &str = "palisade, bearer";
pub(super) const FULL: &str = "palisade, full";
pub(super) const RMCP: &str = "rmcp";

/// The least share of bare hyper's requests per second.
const HYPER_TARGET: f64 = 0.8;
/// The least share that the complete security pipeline leaves of the requests per second without it.
const FULL_TARGET: f64 = 0.85;

/// The least multiple of rmcp's requests per second with this many tools.
fn rmcp_target(tools: u32) -> f64 {
    if tools == 1 { 3.5 } else { 25.0 }
}

/// All rounds of one server in one setting.
#[derive(Debug)]
pub(super) struct Row {
    label: &'static str,
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu_micros: Vec<f64>,
    resident_kib: u64,
}

impl Row {
    /// No rounds yet.
    pub(super) fn new(label: &'static str) -> Self {
        Self {
            label,
            rates: Vec::new(),
            p50: Vec::new(),
            p99: Vec::new(),
            cpu_micros: Vec::new(),
            resident_kib: 0,
        }
    }

    /// Adds a round and what the server used during it.
    pub(super) fn add(&mut self, sample: Sample, before: Usage, after: Usage, ticks: f64) {
        let used = after.own_ticks.saturating_sub(before.own_ticks);
        self.rates.push(sample.requests / sample.seconds);
        self.p50.push(sample.p50);
        self.p99.push(sample.p99);
        self.cpu_micros.push(as_f64(used) / ticks * 1e6 / sample.requests);
        self.resident_kib = self.resident_kib.max(after.resident_kib);
    }

    fn rate(&self) -> f64 {
        median(&self.rates)
    }

    fn cpu(&self) -> f64 {
        median(&self.cpu_micros)
    }
}

/// Prints one setting.
pub(super) fn print(tools: u32, connections: u32, rows: &[Row]) {
    println!("\ntools: {tools}, connections: {connections}");
    println!(
        "  {:<28} {:>10} {:>9} {:>9} {:>12} {:>9}",
        "", "requests/s", "p50 µs", "p99 µs", "CPU µs/req", "RSS MiB"
    );
    for row in rows {
        println!(
            "  {:<28} {:>10.0} {:>9.0} {:>9.0} {:>12.1} {:>9.1}",
            row.label,
            row.rate(),
            median(&row.p50),
            median(&row.p99),
            row.cpu(),
            as_f64(row.resident_kib) / 1024.0
        );
    }
    compare(rows, PALISADE, HYPER, HYPER_TARGET);
    compare(rows, PALISADE, RMCP, rmcp_target(tools));
    compare(rows, FULL, OPEN, FULL_TARGET);
}

fn compare(rows: &[Row], what: &str, with: &str, target: f64) {
    let find = |label| rows.iter().find(|row| row.label == label);
    if let (Some(ours), Some(theirs)) = (find(what), find(with)) {
        let share = ratio(&ours.rates, &theirs.rates);
        let verdict = if share >= target { "met" } else { "MISSED" };
        println!(
            "  {what} : {with} = {share:.2} in requests/s (target {target}, {verdict}), \
             {:.2} in requests per CPU second",
            ratio(&theirs.cpu_micros, &ours.cpu_micros)
        );
    }
}

/// The median of the ratios, round by round: what else a machine does slows those down together that are
/// measured one after the other.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}

/// The middle value; of an even number of values, the mean of the middle two.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), middle.checked_sub(1).and_then(|below| sorted.get(below))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => {
            f64::midpoint(*lower, *upper)
        }
        (Some(value), _) => *value,
        (None, _) => f64::NAN,
    }
}

/// For figures far below the 2^53 where an `f64` starts to skip integers.
#[allow(clippy::cast_precision_loss, reason = "ticks and KiB are small numbers")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        for (values, expected) in
            [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 900.0], 3.0)]
        {
            assert!((median(&values) - expected).abs() < f64::EPSILON, "{values:?}");
        }
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_that_of_rounds_and_not_of_medians() {
        // The machine was slow from the second half of the second round on.
        let (ours, theirs) = ([80.0, 40.0, 40.0], [100.0, 100.0, 50.0]);
        assert!((ratio(&ours, &theirs) - 0.8).abs() < 1e-9);
        assert!((median(&ours) / median(&theirs) - 0.4).abs() < 1e-9);
    }

    #[test]
    fn a_round_becomes_rates() {
        let mut row = Row::new(HYPER);
        let usage = |own_ticks| Usage { own_ticks, child_ticks: 0, resident_kib: 2048 };
        let sample = Sample { requests: 1000.0, seconds: 2.0, p50: 1.0, p99: 2.0 };
        row.add(sample, usage(100), usage(150), 100.0);
        assert!((row.rate() - 500.0).abs() < 1e-9);
        assert!((row.cpu() - 500.0).abs() < 1e-9);
    }
}
