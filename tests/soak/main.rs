//! A long run of everything at once: every revision, both transports, clients that leave in the middle, handlers
//! that panic or hang. It ends with what must be left of it: nothing.
//!
//! `soak [--minutes N | --seconds N] [--visitors N] [--seed N]`; exit code 0 only if every request was answered or
//! failed with a typed error, memory stayed flat, and no task, process, descriptor, session or handler is left.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a program for developers, which reports and ends where something is wrong"
)]

mod dice;
mod server;
mod tally;
mod usage;
mod visits;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    dice::Dice,
    server::Site,
    tally::Tally,
    usage::{Usage, is_flat},
    visits::Visitor,
};

/// How long what visitors leave behind may take to go: longer than idle sessions and children live.
const SETTLING: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
struct Settings {
    time: Duration,
    visitors: u64,
    seed: u64,
}

fn settings() -> Settings {
    let mut settings = Settings { time: Duration::from_secs(600), visitors: 24, seed: 1 };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().and_then(|value| value.parse::<u64>().ok());
        let value = value.unwrap_or_else(|| panic!("`{name}` needs a number"));
        match name.as_str() {
            "--minutes" => settings.time = Duration::from_secs(value * 60),
            "--seconds" => settings.time = Duration::from_secs(value),
            "--visitors" => settings.visitors = value,
            "--seed" => settings.seed = value,
            _ => panic!("unknown option `{name}`"),
        }
    }
    settings
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(server::AS_CHILD) {
        return server::run_as_child();
    }
    let settings = settings();
    // What handlers panic with is expected, and would fill the screen.
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains(server::EXPECTED_PANIC) {
            eprintln!("{info}");
        }
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(soak(settings))
}

async fn soak(settings: Settings) -> ExitCode {
    let site = Arc::new(Site::start().await);
    // Whatever is made once and kept, such as threads and caches, is made now.
    let warmed = Arc::new(Tally::default());
    visit_all(&site, &warmed, settings, Duration::from_secs(5)).await;
    site.settle(SETTLING).await;
    let before = Usage::now(&site);
    println!("before: {before}");

    let tally = Arc::new(Tally::default());
    let memory = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sampler = {
        let (site, memory) = (Arc::clone(&site), Arc::clone(&memory));
        let every = (settings.time / 60).max(Duration::from_millis(500));
        let began = Instant::now();
        tokio::spawn(async move {
            for number in 0_u64.. {
                tokio::time::sleep(every).await;
                let usage = Usage::now(&site);
                if number % 10 == 0 {
                    println!("{:>5} s: {usage}", began.elapsed().as_secs());
                }
                memory.lock().unwrap().push(usage.resident_kib);
            }
        })
    };
    visit_all(&site, &tally, settings, settings.time).await;
    sampler.abort();
    let _ = sampler.await;
    site.settle(SETTLING).await;
    let after = Usage::now(&site);
    println!("after:  {after}\n{tally}");

    let mut faults = tally.faults();
    faults.extend(after.left_over(&before));
    let memory = memory.lock().unwrap();
    if let Err(growth) = is_flat(&memory) {
        faults.push(growth);
    }
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    println!("soak: {} faults in {:?}", faults.len(), settings.time);
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets visitors come and go for a time, and waits until the last has left.
async fn visit_all(site: &Arc<Site>, tally: &Arc<Tally>, settings: Settings, time: Duration) {
    let end = Instant::now() + time;
    let mut visitors = JoinSet::new();
    for number in 0..settings.visitors {
        let dice = Dice::new(settings.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let mut visitor = Visitor::new(Arc::clone(site), Arc::clone(tally), dice);
        visitors.spawn(async move {
            while Instant::now() < end {
                visitor.visit().await;
            }
        });
    }
    while let Some(ended) = visitors.join_next().await {
        ended.expect("a visitor does not panic");
    }
}
