//! The program as it is run: what it prints, how it exits, and what it never shows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use palisade_testkit::Canary;
use serde_json::Value;

/// How a run ended, and what was printed.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

#[track_caller]
fn palisade(args: &[&str], env: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    let output = command.args(args).envs(env.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!out.contains('\u{1b}'), "colours without a terminal: {out}");
    Run { code: output.status.code().unwrap(), out, err }
}

/// A folder of the test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    #[cfg(not(unix))]
    let _ = mode;
    path.to_str().unwrap().to_owned()
}

const SERVER: &str = r#"
[origins]
allowed = []

[[authentication]]
kind = "bearer"
tokens = [
  { subject = "alice", secret = "env:PALISADE_TEST_ALICE" },
  { subject = "bob", secret = "file:bob.token" },
]
"#;

#[test]
fn a_good_file_passes_and_its_secrets_do_not_show() {
    let folder = folder("good");
    let (alice, bob) = (Canary::new("alice"), Canary::new("bob"));
    write(&folder, "bob.token", &format!("{}\n", bob.secret()), 0o600);
    let file = write(&folder, "security.toml", SERVER, 0o644);
    let env = [("PALISADE_TEST_ALICE", alice.secret())];
    for args in [&["check", &file][..], &["check", &file, "--json"], &["--json", "check", &file]] {
        let run = palisade(args, &env);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        for canary in [&alice, &bob] {
            assert_eq!(canary.find_in(&format!("{}{}", run.out, run.err)), None);
        }
    }
    let run = palisade(&["check", &file], &env);
    assert!(run.out.ends_with("can be used: 0 errors, 0 warnings\n"), "{}", run.out);
}

#[cfg(unix)]
#[test]
fn who_else_can_read_a_secret_is_found() {
    let folder = folder("modes");
    let file = write(&folder, "security.toml", SERVER, 0o644);
    let (alice, bob) = (Canary::new("alice"), Canary::new("bob"));
    let env = [("PALISADE_TEST_ALICE", alice.secret())];
    for (mode, args, code, expected) in [
        (0o644, &["check", &file][..], 1, Some("secret_file_exposed")),
        (0o604, &["check", &file], 1, Some("secret_file_exposed")),
        (0o640, &["check", &file], 0, Some("secret_file_exposed_to_group")),
        (0o640, &["check", &file, "--deny-warnings"], 1, Some("secret_file_exposed_to_group")),
        (0o400, &["check", &file, "--deny-warnings"], 0, None),
    ] {
        drop(std::fs::remove_file(folder.join("bob.token")));
        write(&folder, "bob.token", bob.secret(), mode);
        let run = palisade(&[args, &["--json"]].concat(), &env);
        let json = run.json();
        let codes: Vec<_> =
            json["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str()).collect();
        assert_eq!((run.code, codes), (code, expected.map(Some).into_iter().collect()), "{mode:o}");
        let paths = json["findings"].as_array().unwrap().iter().map(|one| &one["path"]);
        assert!(paths.into_iter().all(|path| path == "authentication[0].tokens[1].secret"));
    }
}

#[test]
fn findings_have_a_place_and_a_fix() {
    let folder = folder("broken");
    let file = write(&folder, "security.toml", "\n[orgins]\nallowed = []\n", 0o644);
    let run = palisade(&["check", &file], &[]);
    assert_eq!(run.code, 1);
    let expected = format!(
        "error[authentication_required] {file}: authentication: how callers prove who they are is not decided\n  \
         fix: add `[[authentication]]`, or on your own machine only set `dangerous.without_authentication`\n\
         error[unknown_key] {file}:2: orgins: there is no such key\n  fix: did you mean `origins`?\n\
         {file}: server configuration cannot be used: 2 errors, 0 warnings\n"
    );
    assert_eq!(run.out, expected);
    let json = palisade(&["check", &file, "--json"], &[]).json();
    assert_eq!(json["ok"], false);
    assert_eq!(json["findings"][1]["line"], 2);
    assert_eq!(json["findings"][1]["severity"], "error");
}

#[test]
fn exit_codes_are_as_documented() {
    let folder = folder("exit");
    let client = write(&folder, "client.toml", "url = \"https://mcp.example.com/mcp\"\n", 0o644);
    let missing = folder.join("missing.toml");
    let missing = missing.to_str().unwrap();
    let here = folder.to_str().unwrap();
    for (args, code) in [
        (&["check", &client][..], 0),
        (&["check", missing], 3),
        (&["check", here], 3),
        (&["check"], 2),
        (&["check", &client, &client], 2),
        (&["check", &client, "--jsno"], 2),
        (&["chekc", &client], 2),
        (&[], 2),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["capabilities"], 0),
        (&["schema", "server"], 0),
        (&["schema"], 2),
        (&["schema", "peer"], 2),
    ] {
        let run = palisade(args, &[]);
        assert_eq!(run.code, code, "{args:?}: {}{}", run.out, run.err);
        assert_eq!(run.err.is_empty(), code != 2 || args.is_empty(), "{args:?}: {}", run.err);
    }
}

#[test]
fn capabilities_are_the_matrix() {
    let json = palisade(&["capabilities", "--json"], &[]).json();
    let rows = json["capabilities"].as_array().unwrap();
    let tls = rows.iter().find(|row| row["capability"] == "TLS").unwrap();
    assert_eq!(tls["transports"]["streamable_http"]["supported"], true);
    assert_eq!(tls["transports"]["stdio"]["supported"], false);
    assert_eq!(tls["transports"]["stdio"]["note"], "a pipe does not leave the machine");
    let text = palisade(&["capabilities"], &[]).out;
    assert!(text.contains("TLS\n  streamable_http  yes\n  stdio            no: a pipe"), "{text}");
}

#[test]
fn what_is_printed_cannot_steer_the_terminal() {
    let run = palisade(&["check", "\u{1b}[2J\u{7}.toml"], &[]);
    assert_eq!(run.code, 3);
    assert!(!run.out.contains('\u{7}'), "{}", run.out);
    let run = palisade(&["\u{1b}[2J"], &[]);
    assert!(!run.err.contains('\u{1b}'), "{}", run.err);
}

/// The file that the example `security_file` serves with.
#[test]
fn the_example_has_no_findings() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/security.toml");
    let (token, key) = (Canary::new("token"), Canary::new("key"));
    let env = [("MCP_TOKEN", token.secret()), ("MCP_CI_KEY", key.secret())];
    let run = palisade(&["check", file, "--deny-warnings"], &env);
    assert_eq!(run.code, 0, "{}", run.out);
    let run = palisade(&["doctor", file, "--json"], &env);
    assert_eq!(
        (run.code, run.json()["next"]["code"].as_str()),
        (0, Some("add_tls")),
        "{}",
        run.out
    );
    let run = palisade(&["check", file], &[("MCP_TOKEN", "short")]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("secret_too_short") && run.out.contains("secret_variable_missing"));
}

/// A log that the program verifies, edited and whole.
#[test]
fn audit_logs_are_verified() {
    use palisade::security::audit::{AuditKey, FailMode, JsonLinesAudit};
    let folder = folder("audit");
    let key = Canary::new("key");
    let secret = format!("{}{}", key.secret(), "q7VtE2zR9wLx4KpN");
    let path = folder.join("audit.jsonl");
    let options = JsonLinesAudit::options(FailMode::Closed)
        .with_key(AuditKey::from_secret(&palisade::security::Secret::new(secret.clone())).unwrap());
    drop(options.open(&path).unwrap());
    let file = path.to_str().unwrap();
    let env = [("AUDIT_KEY", secret.as_str())];
    let verify = ["audit", "verify", file, "--key", "env:AUDIT_KEY"];
    let run = palisade(&[&verify[..], &["--json"]].concat(), &env);
    assert_eq!((run.code, &run.json()["ok"]), (0, &Value::Bool(true)), "{}{}", run.out, run.err);
    let head = run.json()["head"].as_str().unwrap().to_owned();
    let run = palisade(&[&verify[..], &["--checkpoint", &head]].concat(), &env);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("the chain is whole"), "{}", run.out);
    // Without the key nothing can be said for it.
    assert_eq!(palisade(&["audit", "verify", file], &env).code, 1);
    let text = std::fs::read_to_string(&path).unwrap();
    let edited = write(&folder, "edited.jsonl", &text.replacen("\"", " \"", 1), 0o600);
    let run = palisade(&["audit", "verify", &edited, "--key", "env:AUDIT_KEY"], &env);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.starts_with("error["), "{}", run.out);
    assert_eq!(key.find_in(&run.out), None);
    for (args, code) in [
        (&["audit", "verify"][..], 2),
        (&["audit", "verfy", file], 2),
        (&["audit", "verify", "no-such-file"], 3),
        (&["audit", "verify", file, "--checkpoint", "x"], 2),
        (&["audit", "verify", file, "--key", "env:NO_SUCH_KEY_IS_SET"], 2),
    ] {
        assert_eq!(palisade(args, &env).code, code, "{args:?}");
    }
}

#[test]
fn a_file_says_itself_which_revisions_to_speak() {
    let file =
        write(&folder("eras"), "client.toml", "url = \"https://mcp.example.com/mcp\"\n", 0o644);
    let run = palisade(&["call", &file, "echo", "{}", "--eras", "legacy"], &[]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
}
