//! What must not compile. The first line of each case says the error and why; `compiles` is the control.
//!
//! All cases are programs of one package outside the workspace, checked at once. That a server without
//! authentication does not listen beyond loopback is a matter of the address, which is known at run time:
//! `listening_beyond_loopback_needs_authentication_tls_and_a_name` and the broken file
//! `15_open_to_the_world` show that it is refused.

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        fmt::Write,
        path::{Path, PathBuf},
        process::Command,
    };

    use serde_json::Value;

    /// The errors of each program: code and text.
    type Errors = BTreeMap<String, Vec<(String, String)>>;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
    }

    /// The cases by name, with their first lines.
    fn cases() -> BTreeMap<String, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-fail");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files
            .filter(|path| !path.ends_with("main.rs"))
            .map(|path| {
                let text = std::fs::read_to_string(&path).unwrap();
                let first = text.lines().next().unwrap().trim_start_matches("//! ");
                (path.file_stem().unwrap().to_str().unwrap().to_owned(), first.to_owned())
            })
            .collect()
    }

    /// Checks all cases at once.
    fn check(cases: &BTreeMap<String, String>) -> Errors {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-fail");
        std::fs::create_dir_all(&folder).unwrap();
        let (root, here) = (root(), Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-fail"));
        let mut manifest = format!(
            "[package]\nname = \"compile-fail\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\n\
             palisade-auth = {{ path = {:?}, default-features = false, features = [\"bearer\"] }}\n\
             palisade-security = {{ path = {:?}, default-features = false }}\n",
            root.join("crates/auth"),
            root.join("crates/security"),
        );
        for name in cases.keys() {
            let path = here.join(format!("{name}.rs"));
            write!(manifest, "[[bin]]\nname = \"{name}\"\npath = {path:?}\n").unwrap();
        }
        std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        // The same versions as everywhere else, so that nothing has to be fetched.
        std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--keep-going", "--bins", "--message-format=json"])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut errors = Errors::new();
        let mut checked = 0;
        for message in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let at = |pointer| message.pointer(pointer).and_then(Value::as_str);
            let is_bin = message.pointer("/target/kind/0").is_some_and(|kind| kind == "bin");
            let Some(name) = at("/target/name").filter(|_| is_bin) else { continue };
            if at("/reason") == Some("compiler-artifact") {
                errors.entry(name.to_owned()).or_default();
            } else if at("/message/level") == Some("error")
                && let (Some(code), Some(text)) = (at("/message/code/code"), at("/message/message"))
            {
                errors.entry(name.to_owned()).or_default().push((code.to_owned(), text.to_owned()));
            }
            checked += 1;
        }
        assert!(checked > 0, "nothing was checked: {}", String::from_utf8_lossy(&output.stderr));
        errors
    }

    #[test]
    fn what_leaves_a_decision_out_does_not_compile() {
        let cases = cases();
        assert!(cases.len() >= 9);
        let errors = check(&cases);
        for (name, expected) in &cases {
            let found = errors.get(name).unwrap_or_else(|| panic!("{name} was not checked"));
            let (expected, _) = expected.split_once(": ").unwrap();
            match (expected.split_once(' '), found.as_slice()) {
                (None, []) => assert_eq!(expected, "compiles", "{name}"),
                (Some((code, text)), [(found_code, found_text)]) => {
                    assert_eq!(code, found_code, "{name}: {found_text}");
                    assert!(found_text.contains(text), "{name}: {found_text}");
                }
                _ => panic!("{name}: expected {expected}, found {found:?}"),
            }
        }
    }
}
