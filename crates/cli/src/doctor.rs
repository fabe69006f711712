//! `palisade doctor URL|FILE`: why it does not work, and what comes next.

use palisade::{
    config::{
        Format, RawSecurityConfig, Role,
        doctor::{Diagnosis, Doctor, FailureClass, NextStep},
    },
    security::{Finding, Origin},
};
use serde_json::{Value, json};

use crate::{
    args::Args,
    check,
    exit::Exit,
    output::{Colour, Output, printable, to_json},
    target::Options,
};

pub(crate) const USAGE: &str =
    "doctor URL|FILE [--token env:NAME|file:PATH] [--ca FILE] [--origin ORIGIN]";

pub(crate) fn run(mut args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let options = Options::take(&mut args, output)?;
    let page = args.option("--origin", output)?;
    let [target] = args.words(USAGE, output)?;
    if !target.contains("://") && Role::of_file(&target) == Role::Server {
        return Ok(file(&target, output));
    }
    let client = options.client(&target, output)?;
    let mut doctor = Doctor::of_client(&client).map_err(|finding| {
        output.finding("", &finding);
        Exit::Found
    })?;
    if let Some(page) = page {
        match Origin::parse(&page) {
            Ok(page) => doctor = doctor.with_page(page),
            Err(error) => {
                output.problem(&printable(&error.to_string()));
                return Err(Exit::Usage);
            }
        }
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        output.problem("the system gives no runtime");
        return Err(Exit::Unreachable);
    };
    Ok(report(&runtime.block_on(doctor.examine()), output))
}

fn report(diagnosis: &Diagnosis, output: &mut Output) -> Exit {
    let title = output.paint(Colour::Bold, &printable(&diagnosis.target));
    output.line(&title);
    for (name, value) in &diagnosis.facts {
        output.line(&format!("  {name:<20} {}", printable(value)));
    }
    for finding in &diagnosis.findings {
        output.finding("", finding);
    }
    if diagnosis.is_healthy() {
        let healthy = output.paint(Colour::Green, "nothing is wrong that can be seen from outside");
        output.line(&healthy);
    }
    next(diagnosis.next.as_ref(), output);
    let facts: Vec<Value> = diagnosis
        .facts
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    output.value(json!({
        "target": diagnosis.target,
        "ok": diagnosis.is_healthy(),
        "facts": facts,
        "findings": findings_json(&diagnosis.findings),
        "next": diagnosis.next.as_ref().map(step_json),
    }));
    let connected = diagnosis.facts.iter().any(|(name, _)| *name == "address");
    match (diagnosis.is_healthy(), connected) {
        (true, _) => Exit::Good,
        (false, true) => Exit::Found,
        (false, false) => Exit::Unreachable,
    }
}

/// A server's file: what is wrong with it, and the next step.
fn file(file: &str, output: &mut Output) -> Exit {
    let (exit, checked) = check::server(file, output);
    let step = checked
        .is_usable()
        .then(|| std::fs::read_to_string(file).ok())
        .flatten()
        .and_then(|text| RawSecurityConfig::from_text(&text, Format::of(file.as_ref())).ok())
        .and_then(|raw| NextStep::of_config(&raw));
    next(step.as_ref(), output);
    output.value(json!({
        "target": file,
        "ok": checked.is_usable(),
        "findings": findings_json(checked.findings()),
        "next": step.as_ref().map(step_json),
    }));
    exit
}

fn next(step: Option<&NextStep>, output: &mut Output) {
    if let Some(step) = step {
        let title = output.paint(Colour::Bold, "next step");
        output.line(&format!("{title}: {}", step.text));
    }
}

fn step_json(step: &NextStep) -> Value {
    json!({ "code": step.code, "text": step.text })
}

fn findings_json(findings: &[Finding]) -> Vec<Value> {
    let to_json = |finding| {
        let mut value = to_json(finding, None);
        if let (Some(class), Some(object)) = (FailureClass::of(finding), value.as_object_mut()) {
            object.insert("class".to_owned(), class.name().into());
        }
        value
    };
    findings.iter().map(to_json).collect()
}
