//! `palisade check FILE`: everything that is wrong with a configuration, with path, line and fix.

use palisade::{
    config::{Checked, ClientConfig, LaunchConfig, Role, ServerConfig},
    security::Finding,
};
use serde_json::{Value, json};

use crate::{
    args::Args,
    exit::Exit,
    output::{Colour, Output, printable, to_json},
};

pub(crate) fn run(mut args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let deny_warnings = args.flag("--deny-warnings");
    let [file] = args.words("check FILE [--deny-warnings]", output)?;
    let role = Role::of_file(&file);
    let (exit, checked) = match role {
        Role::Client => {
            let checked = ClientConfig::check_file(&file);
            (report(&file, "client", &checked, output), checked)
        }
        Role::Launch => {
            let checked = LaunchConfig::check_file(&file);
            (report(&file, "launch", &checked, output), checked)
        }
        _ => server(&file, output),
    };
    Ok(match exit {
        Exit::Good if deny_warnings && !checked.findings().is_empty() => Exit::Found,
        exit => exit,
    })
}

/// Says what was found about a server's file.
pub(crate) fn server(file: &str, output: &mut Output) -> (Exit, Checked) {
    let checked = ServerConfig::check_file(file);
    (report(file, "server", &checked, output), checked)
}

fn report(file: &str, role: &str, checked: &Checked, output: &mut Output) -> Exit {
    let findings = checked.findings();
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len().saturating_sub(errors);
    let shown = printable(file);
    for finding in findings {
        let place = match checked.line(finding.path()) {
            Some(line) => format!("{shown}:{line}: "),
            None => format!("{shown}: "),
        };
        output.finding(&place, finding);
    }
    let verdict = match errors {
        0 => output.paint(Colour::Green, "can be used"),
        _ => output.paint(Colour::Red, "cannot be used"),
    };
    output.line(&format!(
        "{shown}: {role} configuration {verdict}: {errors} errors, {warnings} warnings"
    ));
    let values: Vec<Value> =
        findings.iter().map(|finding| to_json(finding, checked.line(finding.path()))).collect();
    let ok = errors == 0;
    output.value(json!({ "file": file, "role": role, "ok": ok, "findings": values }));
    let unreadable = |finding: &Finding| finding.code() == "config_unreadable";
    match ok {
        true => Exit::Good,
        false if findings.iter().any(unreadable) => Exit::Unreachable,
        false => Exit::Found,
    }
}
