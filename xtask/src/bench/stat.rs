//! What the kernel counted for a process.

use std::path::Path;

use crate::{
    failure::{Failure, Result},
    process::Program,
};

/// Processor time and memory of a process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Clock ticks in user and kernel mode.
    pub(super) own_ticks: u64,
    /// The same for its children that have ended.
    pub(super) child_ticks: u64,
    /// Resident memory in KiB.
    pub(super) resident_kib: u64,
}

impl Usage {
    /// Reads the counters of process `pid`.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let file = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            std::fs::read_to_string(&path).map_err(Failure::at(Path::new(&path)))
        };
        Self::parse(&file("stat")?, &file("status")?)
            .ok_or_else(|| Failure::new(format!("the counters of process {pid} are not readable")))
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold blanks.
        let (_, fields) = stat.rsplit_once(") ")?;
        // `fields` begins with the third one; times are fields 14 to 17.
        let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut next = || times.next()?.ok();
        let (user, kernel, child_user, child_kernel) = (next()?, next()?, next()?, next()?);
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(Self {
            own_ticks: user + kernel,
            child_ticks: child_user + child_kernel,
            resident_kib: resident.split_whitespace().next()?.parse().ok()?,
        })
    }
}

/// How many clock ticks make a second.
pub(super) fn ticks_per_second() -> Result<f64> {
    let text = Program::new("getconf").arg("CLK_TCK").output()?;
    text.trim().parse().map_err(|_| Failure::new("getconf CLK_TCK printed no number"))
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn counters_are_read() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4 100 0 0 0 11 22 33 44 20 0 3 0 99 1000 200";
        let status = "Name:\ta\nVmHWM:\t  900 kB\nVmRSS:\t  812 kB\n";
        let expected = Usage { own_ticks: 33, child_ticks: 77, resident_kib: 812 };
        assert_eq!(Usage::parse(stat, status), Some(expected));
        assert_eq!(Usage::parse("7 (a", status), None);
    }

    #[test]
    fn our_own_counters_exist() {
        assert!(Usage::of(std::process::id()).unwrap().resident_kib > 0);
    }
}
