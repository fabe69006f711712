//! What the process uses, and whether that is more than before.

use std::{fmt, fs};

use crate::server::Site;

/// What is used at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) resident_kib: u64,
    descriptors: usize,
    tasks: usize,
    children: usize,
    sessions: usize,
    handlers: usize,
}

impl Usage {
    pub(crate) fn now(site: &Site) -> Self {
        Self {
            resident_kib: resident_kib(),
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            children: children(),
            sessions: site.sessions(),
            handlers: site.handlers(),
        }
    }

    /// What is there now that was not there before.
    pub(crate) fn left_over(&self, before: &Self) -> Vec<String> {
        [
            ("descriptors", self.descriptors, before.descriptors),
            ("tasks", self.tasks, before.tasks),
            ("child processes", self.children, 0),
            ("sessions", self.sessions, 0),
            ("handlers", self.handlers, 0),
        ]
        .into_iter()
        .filter(|(_, now, before)| now > before)
        .map(|(what, now, before)| format!("{what} are left: {now}, before {before}"))
        .collect()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident_kib, descriptors, tasks, children, sessions, handlers } = self;
        write!(
            f,
            "{:.1} MiB, {descriptors} descriptors, {tasks} tasks, {children} children, \
             {sessions} sessions, {handlers} handlers",
            *resident_kib as f64 / 1024.0
        )
    }
}

/// Whether memory does not grow: what is used in the last fifth of the time is no more than what was used in
/// the second fifth, and a tenth of it and 4 MiB for chance.
pub(crate) fn is_flat(kib: &[u64]) -> Result<(), String> {
    let fifth = kib.len() / 5;
    let median = |from: usize| {
        let mut part: Vec<u64> = kib.iter().skip(from).take(fifth).copied().collect();
        part.sort_unstable();
        part.get(fifth / 2).copied()
    };
    let (Some(early), Some(late)) = (median(fifth), median(fifth * 4)) else {
        return Err("the run is too short to say whether memory grows".to_owned());
    };
    println!("memory: {early} KiB in the second fifth, {late} KiB in the last");
    if late > early + early / 10 + 4 * 1024 {
        return Err(format!("memory grows: from {early} KiB to {late} KiB"));
    }
    Ok(())
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The processes whose parent this one is, dead ones that nobody asked about included.
fn children() -> usize {
    let own = std::process::id().to_string();
    let is_child = |entry: &fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1) == Some(&own)
    };
    fs::read_dir("/proc").map_or(0, |all| all.flatten().filter(is_child).count())
}
