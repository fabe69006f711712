//! Broken files, and everything that is found about each: paths, lines, codes, messages and fixes, compared
//! with the text beside the file. `PALISADE_UPDATE=1` writes the texts anew; read the difference then.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use palisade_config::{Checked, ClientConfig, LaunchConfig, Role, ServerConfig};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|name| name != "txt")).collect();
    files.sort();
    files
}

fn describe(checked: &Checked) -> String {
    assert!(!checked.is_usable(), "a broken file makes no configuration");
    let mut text = String::new();
    for finding in checked.findings() {
        assert!(!finding.fix().is_empty(), "{finding:?}");
        let line = checked.line(finding.path()).map_or("-".to_owned(), |line| line.to_string());
        let path = if finding.path().is_empty() { "(file)" } else { finding.path() };
        let severity = if finding.is_error() { "error" } else { "warning" };
        // Where this repository is on this machine is no part of what is tested.
        let here = format!("{}/", folder().display());
        let message = finding.message().replace(&here, "");
        let fix = finding.fix().replace(&here, "");
        writeln!(text, "{line}: {path}: {severity}[{}] {message}\n    fix: {fix}", finding.code())
            .unwrap();
    }
    text
}

#[test]
fn broken_files_give_every_finding_with_path_and_fix() {
    let files = files();
    assert!(files.len() >= 20, "{} files", files.len());
    let update = std::env::var_os("PALISADE_UPDATE").is_some();
    let mut failed = Vec::new();
    for file in files {
        let found = match Role::of_file(&file) {
            Role::Client => describe(&ClientConfig::check_file(&file)),
            Role::Launch => describe(&LaunchConfig::check_file(&file)),
            _ => describe(&ServerConfig::check_file(&file)),
        };
        assert!(!found.is_empty(), "{}", file.display());
        assert!(!found.contains("canary"), "a secret shows: {}\n{found}", file.display());
        let snapshot = file.with_extension("txt");
        if update {
            std::fs::write(&snapshot, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&snapshot).unwrap_or_default();
        if found != expected {
            failed.push(format!("{}:\n{found}\nexpected:\n{expected}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
