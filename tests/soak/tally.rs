//! How visits ended: as they should, or not.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

/// How many strange outcomes are kept to be shown.
const SHOWN: usize = 20;

/// Counts outcomes by kind of visit.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    outcomes: BTreeMap<(&'static str, String), u64>,
    strange: u64,
    shown: Vec<String>,
}

impl Tally {
    /// A request ended as it may: with a value, or with this stable code of a typed error.
    pub(crate) fn note(&self, visit: &'static str, code: &str) {
        *self.lock().outcomes.entry((visit, code.to_owned())).or_default() += 1;
    }

    /// A request ended as none should.
    pub(crate) fn strange(&self, visit: &'static str, what: &dyn fmt::Debug) {
        let mut counts = self.lock();
        counts.strange += 1;
        if counts.shown.len() < SHOWN {
            counts.shown.push(format!("{visit}: {what:?}"));
        }
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let counts = self.lock();
        let mut faults = counts.shown.clone();
        if counts.strange > faults.len() as u64 {
            faults.push(format!("{} strange outcomes in all", counts.strange));
        }
        if counts.outcomes.is_empty() {
            faults.push("nothing was asked".to_owned());
        }
        faults
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((visit, code), count) in &self.lock().outcomes {
            writeln!(f, "  {visit:<28} {code:<24} {count:>9}")?;
        }
        Ok(())
    }
}
