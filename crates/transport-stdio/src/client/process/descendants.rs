//! What a process has started, and what that has started, as far as Linux still knows.

use std::{collections::BTreeMap, fs, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The most that are looked for.
const MAX: usize = 4096;

/// The descendants of a server that have left its process group, and would outlive it. They are held by
/// descriptors: an id may be another process's by the time it is to be killed. One whose parent has ended
/// before it was looked for is not found.
#[derive(Debug, Default)]
pub(super) struct Descendants(BTreeMap<i32, OwnedFd>);

impl Descendants {
    /// Finds those of a process that still runs.
    pub(super) fn add(&mut self, leader: Option<u32>) {
        let Some(leader) = leader.and_then(|pid| i32::try_from(pid).ok()) else { return };
        let parents = parents();
        let mut found = vec![leader];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied().filter(|_| found.len() < MAX) {
            found.extend(parents.iter().filter(|(_, its)| **its == parent).map(|(pid, _)| *pid));
            next += 1;
        }
        for pid in found.into_iter().skip(1) {
            let held = Pid::from_raw(pid).and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok());
            // Between the look and the descriptor, the id may have become another's: look again.
            if let Some(held) = held.filter(|_| parent_of(pid) == parents.get(&pid).copied()) {
                self.0.entry(pid).or_insert(held);
            }
        }
    }

    /// Kills those that still run.
    pub(super) fn kill(&self) {
        for process in self.0.values() {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

/// Of every process, its parent.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, parent_of(pid)?))).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, parentheses too.
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(1)?.parse().ok()
}
