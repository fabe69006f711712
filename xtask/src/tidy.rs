//! `cargo xtask tidy`: what no compiler checks, but every reader notices.

use std::path::Path;

use crate::{
    args::Args,
    failure::{Failure, Result},
    workspace,
};

/// A file longer than this should have a reason.
const LONG: usize = 600;
/// A file longer than this is refused.
const TOO_LONG: usize = 1000;

/// Macros and attributes that mark unfinished or forgotten work. Written in two parts, like
/// everything that is searched for here, so that this file does not find itself.
const LEFT_OVERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[ig", "nore"),
];

/// Starts of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Hosts of package registries: which one is used is the business of whoever builds.
const PACKAGE_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npmjs", ".com"),
    concat!("npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
];

/// What is wrong with a file, and whether that fails the check.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    text: String,
    fatal: bool,
}

impl Finding {
    fn fatal(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into(), fatal: true }
    }
}

/// Checks every file of the repository.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    let root = workspace::root()?;
    let files = workspace::files(&root)?;
    let mut failed = 0;
    for file in &files {
        let full = root.join(file);
        // Anything that is not text is a picture or a corpus entry.
        let bytes = std::fs::read(&full).map_err(Failure::at(&full))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        for finding in check(file, &text) {
            let kind = if finding.fatal { "error" } else { "warning" };
            println!("tidy: {kind}: {}:{}: {}", file.display(), finding.line, finding.text);
            failed += usize::from(finding.fatal);
        }
    }
    if failed == 0 {
        println!("tidy: {} files", files.len());
        Ok(())
    } else {
        Err(Failure::new(format!("tidy: {failed} findings")))
    }
}

/// Looks at one file.
fn check(file: &Path, text: &str) -> Vec<Finding> {
    // Written by cargo and npm; corpora hold what a fuzzer found.
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_generated = name == "Cargo.lock"
        || name == "package-lock.json"
        || file.components().any(|part| part.as_os_str() == "corpus");
    if is_generated || text.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if file.extension().is_some_and(|extension| extension == "rs") {
        check_rust(name, text, &mut findings);
    }
    check_text(text, &mut findings);
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn check_rust(name: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        findings.push(Finding::fatal(lines, format!("{lines} lines, the limit is {TOO_LONG}")));
    } else if lines > LONG {
        let text = format!("{lines} lines, more than {LONG} needs a reason");
        findings.push(Finding { line: lines, text, fatal: false });
    }
    if !text.starts_with("//!") {
        findings.push(Finding::fatal(1, "the first line says what lives here: `//! ...`"));
    }
    if name == "mod.rs" {
        findings.push(Finding::fatal(1, "name it after its folder: `foo.rs` and `foo/`"));
    }
    let is_root = name == "lib.rs";
    let mut macro_root = false;
    for (at, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        for left_over in LEFT_OVERS.iter().filter(|word| code.contains(**word)) {
            findings.push(Finding::fatal(at + 1, format!("`{left_over}` is unfinished work")));
        }
        // The compiler wants `#[proc_macro]` functions in `lib.rs`, and nothing else.
        macro_root |= line.starts_with("#[proc_macro");
        if is_root && defines_something(line) {
            if macro_root && line.starts_with("pub fn") {
                macro_root = false;
            } else {
                findings.push(Finding::fatal(
                    at + 1,
                    "`lib.rs` holds docs, `mod`s and re-exports only",
                ));
            }
        }
    }
}

/// Whether a line that is not indented opens an item which has a home in a module.
fn defines_something(line: &str) -> bool {
    let mut words = line.split([' ', '<', '(']).filter(|word| {
        !matches!(*word, "pub" | "crate)" | "async" | "const" | "unsafe") && !word.is_empty()
    });
    !line.starts_with([' ', '\t'])
        && matches!(
            words.next(),
            Some("fn" | "struct" | "enum" | "trait" | "impl" | "static" | "union")
        )
}

fn check_text(text: &str, findings: &mut Vec<Finding>) {
    for (at, line) in text.lines().enumerate() {
        for path in MACHINE_PATHS.iter().filter(|path| contains_path(line, path)) {
            findings.push(Finding::fatal(at + 1, format!("`{path}` exists on one machine only")));
        }
        for host in PACKAGE_HOSTS.iter().filter(|host| line.contains(**host)) {
            findings.push(Finding::fatal(at + 1, format!("`{host}` is a package host")));
        }
    }
    if !text.ends_with('\n') {
        findings.push(Finding::fatal(text.lines().count(), "the last line has no end"));
    }
}

/// Whether `path` stands in `line` as the start of a path, not in the middle of a longer one.
fn contains_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '}' | ')'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(file: &str, text: &str, expected: &[(usize, &str)]) {
        let found = check(Path::new(file), text);
        let found: Vec<_> = found.iter().map(|f| (f.line, f.text.as_str())).collect();
        assert_eq!(found.len(), expected.len(), "{file}: {found:?}");
        for ((line, text), (expected_line, part)) in found.into_iter().zip(expected) {
            assert_eq!(line, *expected_line, "{text}");
            assert!(text.contains(part), "{text} does not mention {part}");
        }
    }

    #[test]
    fn clean_files_pass() {
        check_one("a.rs", "//! A.\nfn a() {}\n", &[]);
        check_one("lib.rs", "//! A.\nmod a;\npub use a::A;\n", &[]);
        check_one("lib.rs", "//! A.\n#[proc_macro_attribute]\npub fn tool() {\n}\n", &[]);
        check_one("a.rs", concat!("//! A.\n// to", "do!() in prose\n"), &[]);
        check_one("a.md", concat!("see src/wo", "rk/a and https://example.com/home/page\n"), &[]);
        check_one("Cargo.lock", concat!("crates", ".io"), &[]);
        check_one("empty.txt", "", &[]);
    }

    #[test]
    fn each_rule_finds_its_fault() {
        check_one("a.rs", "fn a() {}\n", &[(1, "//!")]);
        check_one("mod.rs", "//! A.\n", &[(1, "after its folder")]);
        check_one("a.rs", "//! A.\nfn a() {}", &[(2, "no end")]);
        check_one("a.rs", concat!("//! A.\nfn a() { to", "do!() }\n"), &[(2, "unfinished")]);
        check_one("a.rs", concat!("//! A.\n#[ig", "nore]\n"), &[(2, "unfinished")]);
        check_one("lib.rs", "//! A.\npub async fn a() {\n}\n", &[(2, "lib.rs")]);
        check_one("lib.rs", "//! A.\nimpl<T> A for T {\n}\n", &[(2, "lib.rs")]);
        check_one("a.md", concat!("in /wo", "rk/main\n"), &[(1, "one machine")]);
        check_one("a.md", concat!("from crates", ".io\n"), &[(1, "package host")]);
    }

    #[test]
    fn long_files_are_warned_about_and_then_refused() {
        let file = |lines: usize| format!("//! A.\n{}", "\n".repeat(lines - 1));
        assert!(check(Path::new("a.rs"), &file(LONG)).is_empty());
        assert!(!check(Path::new("a.rs"), &file(LONG + 1))[0].fatal);
        assert!(!check(Path::new("a.rs"), &file(TOO_LONG))[0].fatal);
        assert!(check(Path::new("a.rs"), &file(TOO_LONG + 1))[0].fatal);
    }
}
