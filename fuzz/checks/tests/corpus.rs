//! Replays the corpus: what was made up by hand for each target, and what fuzzers found.

use std::path::{Path, PathBuf};

use palisade_fuzz::{
    envelope, forwarded, headers, legacy, line, origin_host, raw_config, schema, sse, uri,
};

/// The largest corpus of all targets together, in files and in bytes: it is read by everyone who clones.
const MAX_FILES: usize = 250;
const MAX_BYTES: usize = 300 * 1024;

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 10] = [
    ("envelope", envelope::check),
    ("forwarded", forwarded::check),
    ("headers", headers::check),
    ("legacy", legacy::check),
    ("line", line::check),
    ("origin_host", origin_host::check),
    ("raw_config", raw_config::check),
    ("schema", schema::check),
    ("sse", sse::check),
    ("uri", uri::check),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn replay(target: &str) {
    let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let files = entries(&fuzz().join("corpus").join(target));
    assert!(!files.is_empty(), "{target} has no corpus");
    for file in files {
        let data = std::fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| check(&data)).is_ok();
        assert!(held, "{target} fails on {}", file.display());
        // What was cut off or goes on must not harm either.
        for at in (0..data.len()).step_by(1 + data.len() / 16) {
            check(&data[..at]);
        }
    }
}

#[test]
fn envelope_holds() {
    replay("envelope");
}

#[test]
fn forwarded_holds() {
    replay("forwarded");
}

#[test]
fn headers_hold() {
    replay("headers");
}

#[test]
fn legacy_holds() {
    replay("legacy");
}

#[test]
fn line_holds() {
    replay("line");
}

#[test]
fn origin_host_holds() {
    replay("origin_host");
}

#[test]
fn raw_config_holds() {
    replay("raw_config");
}

#[test]
fn schema_holds() {
    replay("schema");
}

#[test]
fn sse_holds() {
    replay("sse");
}

#[test]
fn uri_holds() {
    replay("uri");
}

/// A target that is not replayed, or replayed and not fuzzed, would not be missed by anyone.
#[test]
fn every_target_is_fuzzed_and_replayed_and_its_corpus_is_small() {
    let names = |folder: &str| -> Vec<String> {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries(&fuzz().join(folder)).iter().map(stem).collect()
    };
    let expected = TARGETS.map(|(name, _)| name);
    assert_eq!(names("targets"), expected);
    assert_eq!(names("corpus"), expected);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in expected {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
    }
    let files: Vec<_> =
        expected.iter().flat_map(|name| entries(&fuzz().join("corpus").join(name))).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(files.len() <= MAX_FILES, "{} files", files.len());
    assert!(bytes <= MAX_BYTES as u64, "{bytes} bytes");
}
