//! Links, races and things that are no files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use palisade_security::DenyReason;

use super::{FileError, Root};

/// `data` with a file in it, beside `data-secret`.
struct Stage(PathBuf);

impl Stage {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("palisade-files-{}-{number}", std::process::id());
        let stage = Self(fs::canonicalize(std::env::temp_dir()).unwrap().join(name));
        fs::create_dir_all(stage.path("data/sub")).unwrap();
        fs::create_dir_all(stage.path("data-secret")).unwrap();
        fs::write(stage.path("data/sub/a b.txt"), "public").unwrap();
        fs::write(stage.path("data-secret/a b.txt"), "secret").unwrap();
        stage
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    fn root(&self) -> Root {
        Root::new(self.path("data")).unwrap()
    }

    fn text(&self, below: &str) -> String {
        self.path(below).to_str().unwrap().to_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn read(root: &Root, path: &str) -> Result<String, FileError> {
    root.read(path, 100).map(|bytes| String::from_utf8(bytes).unwrap())
}

const OUTSIDE: FileError = FileError::Denied(DenyReason::PathNotAuthorized);
const MALFORMED: FileError = FileError::Denied(DenyReason::InvalidPath);

#[test]
fn paths_that_the_policy_would_judge() {
    let stage = Stage::new();
    let root = stage.root();
    let public = Ok("public".to_owned());
    assert_eq!(read(&root, &stage.text("data/sub/a b.txt")), public);
    assert_eq!(read(&root, "sub/a b.txt"), public);
    assert_eq!(read(&root, &stage.text("data-secret/a b.txt")), Err(OUTSIDE));
    assert_eq!(read(&root, "/etc/passwd"), Err(OUTSIDE));
    for path in ["../data-secret/a b.txt", "sub/../sub/a b.txt", "", "sub/%2e%2e/a", "a\0"] {
        assert_eq!(read(&root, path), Err(MALFORMED), "{path:?}");
    }
    assert_eq!(read(&root, "missing"), Err(FileError::Failed(std::io::ErrorKind::NotFound)));
    assert_eq!(root.read("sub/a b.txt", 6).map(|bytes| bytes.len()), Ok(6));
    assert_eq!(root.read("sub/a b.txt", 5), Err(FileError::TooLarge));

    let mut text = String::new();
    let uri = format!("file://{}/sub/a%20b.txt", stage.text("data"));
    root.open_uri(&uri).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "public");
    let denied = |uri: String| root.open_uri(&uri).map(drop).unwrap_err().code();
    let data = stage.text("data");
    assert_eq!(denied(format!("file://{data}-secret/a%20b.txt")), "unauthorized_path");
    assert_eq!(denied(format!("file://{data}/sub/%2e%2e/a")), "invalid_uri");
    assert_eq!(denied(format!("file://{data}/sub%2fa")), "invalid_uri");
    assert_eq!(denied(format!("http://{data}/sub")), "invalid_uri_scheme");

    root.create("sub/new.txt").unwrap().write_all(b"long text").unwrap();
    root.create("sub/new.txt").unwrap().write_all(b"new").unwrap();
    assert_eq!(read(&root, "sub/new.txt"), Ok("new".to_owned()));
    assert!(Root::new("relative").is_err() && Root::new(stage.path("data/../data")).is_err());
}

#[test]
fn z3_links_do_not_lead_out() {
    let stage = Stage::new();
    let root = stage.root();
    symlink(stage.path("data-secret"), stage.path("data/dir")).unwrap();
    symlink("../data-secret/a b.txt", stage.path("data/file")).unwrap();
    symlink(stage.path("data-secret/new"), stage.path("data/new")).unwrap();
    symlink("loop", stage.path("data/loop")).unwrap();
    symlink("sub/a b.txt", stage.path("data/inside")).unwrap();
    for path in ["dir/a b.txt", "file", "new"] {
        assert_eq!(read(&root, path), Err(OUTSIDE), "{path}");
        assert_eq!(root.create(path).map(drop), Err(OUTSIDE), "{path}");
    }
    assert!(!stage.path("data-secret/new").exists());
    assert_eq!(fs::read_to_string(stage.path("data-secret/a b.txt")).unwrap(), "secret");
    assert!(matches!(read(&root, "loop"), Err(FileError::Failed(_))));
    assert_eq!(read(&root, "inside"), Ok("public".to_owned()));
    // The directory stays the one that was opened.
    fs::rename(stage.path("data"), stage.path("moved")).unwrap();
    symlink(stage.path("data-secret"), stage.path("data")).unwrap();
    assert_eq!(read(&root, "sub/a b.txt"), Ok("public".to_owned()));
    assert_eq!(read(&root, &stage.text("data/sub/a b.txt")), Ok("public".to_owned()));
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let stage = Stage::new();
    let root = stage.root();
    let made = std::process::Command::new("mkfifo").arg(stage.path("data/pipe")).status().unwrap();
    assert!(made.success());
    for path in ["pipe", "sub", "sub/"] {
        assert_eq!(read(&root, path), Err(FileError::NotAFile), "{path}");
    }
    assert!(root.create("pipe").is_err() && root.create("sub").is_err());
}

/// Ends the other thread, also when an assertion fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A link that is swapped for a directory and back, as fast as it goes, while files are opened through it:
/// none of the openings yields what lies outside.
#[test]
fn z3_a_link_that_is_swapped_while_files_are_opened() {
    const OPENINGS: usize = 5_000;
    let stage = Stage::new();
    let root = stage.root();
    fs::create_dir(stage.path("data/real")).unwrap();
    fs::write(stage.path("data/real/a b.txt"), "public").unwrap();
    symlink(stage.path("data-secret"), stage.path("data/link")).unwrap();
    fs::rename(stage.path("data/real"), stage.path("data/x")).unwrap();
    let done = AtomicBool::new(false);
    let (mut public, mut denied) = (0, 0);
    let swap = |from: &Path, to: &Path| fs::rename(from, to).unwrap();
    std::thread::scope(|scope| {
        let _end = End(&done);
        scope.spawn(|| {
            let [x, link, real] = ["data/x", "data/link", "data/real"].map(|path| stage.path(path));
            while !done.load(Ordering::Relaxed) {
                swap(&x, &real);
                swap(&link, &x);
                swap(&x, &link);
                swap(&real, &x);
            }
        });
        let mut openings = 0;
        while openings < OPENINGS || public == 0 || denied == 0 {
            openings += 1;
            match read(&root, "x/a b.txt") {
                Ok(text) => {
                    assert_eq!(text, "public");
                    public += 1;
                }
                Err(error) if error == OUTSIDE => denied += 1,
                // Between two names.
                Err(FileError::Failed(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
            assert!(openings < 100 * OPENINGS, "{public} public, {denied} denied");
        }
    });
}
