//! `palisade audit verify FILE`: whether an audit log is whole.

use std::{fs::File, io::BufReader};

use palisade::{
    config::SecretRef,
    security::audit::{AuditKey, ChainHead, Summary, Verifier},
};
use serde_json::json;

use crate::{
    args::Args,
    exit::Exit,
    output::{Colour, Output, printable},
};

pub(crate) const USAGE: &str =
    "audit verify FILE... [--key env:NAME|file:PATH] [--checkpoint HEAD]";

pub(crate) fn run(mut args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let key = args.option("--key", output)?.map(|key| fetch(&key, output)).transpose()?;
    let checkpoint = args.option("--checkpoint", output)?;
    let words = args.some_words(USAGE, output)?;
    let (Some("verify"), Some(files)) = (words.first().map(String::as_str), words.get(1..)) else {
        output.problem(&format!("usage: palisade {USAGE}"));
        return Err(Exit::Usage);
    };
    if files.is_empty() {
        output.problem(&format!("usage: palisade {USAGE}"));
        return Err(Exit::Usage);
    }
    let mut verifier = Verifier::new(key.as_ref());
    if let Some(text) = checkpoint {
        let Some(head) = ChainHead::parse(&text) else {
            output.problem("the checkpoint is none that a log has told");
            return Err(Exit::Usage);
        };
        verifier = verifier.with_checkpoint(head);
    }
    for file in files {
        let reader = File::open(file).map(BufReader::new).map_err(|error| {
            output.problem(&format!("cannot read {}: {}", printable(file), error.kind()));
            Exit::Unreachable
        })?;
        if let Err(error) = verifier.read(reader) {
            return Ok(broken(file, error.code(), &error.to_string(), output));
        }
    }
    let last = files.last().map(String::as_str).unwrap_or_default();
    Ok(match verifier.finish() {
        Ok(summary) => whole(&summary, output),
        Err(error) => broken(last, error.code(), &error.to_string(), output),
    })
}

fn fetch(text: &str, output: &mut Output) -> Result<AuditKey, Exit> {
    let fetched = SecretRef::parse(text).fetch("--key");
    let secret = fetched.map_err(|error| {
        error.findings().iter().for_each(|finding| output.finding("", finding));
        Exit::Usage
    })?;
    AuditKey::from_secret(&secret).map_err(|weakness| {
        output.problem(&format!("the key is none that a log was written with: {weakness}"));
        Exit::Usage
    })
}

fn whole(summary: &Summary, output: &mut Output) -> Exit {
    let title = output.paint(Colour::Green, "the chain is whole");
    output.line(&format!(
        "{title}: {} lines, {} records, {} lost by its own account",
        summary.lines, summary.records, summary.lost
    ));
    let head = summary.head.as_ref().map(ToString::to_string);
    let after = summary.after.as_ref().map(ToString::to_string);
    if let Some(after) = &after {
        output.line(&format!("  it goes on from a file that ends with {after}"));
    }
    if let Some(head) = &head {
        output.line(&format!("  its last line is {head}: keep it elsewhere as a checkpoint"));
    }
    if !summary.ended {
        output.line("  it has no end: the server still runs, was killed, or lines were cut off");
    }
    output.value(json!({
        "ok": true,
        "lines": summary.lines,
        "records": summary.records,
        "lost": summary.lost,
        "after": after,
        "head": head,
        "ended": summary.ended,
    }));
    Exit::Good
}

fn broken(file: &str, code: &str, message: &str, output: &mut Output) -> Exit {
    let title = output.paint(Colour::Red, "error");
    output.line(&format!("{title}[{code}] {}: {}", printable(file), printable(message)));
    output.line("  fix: keep the file as evidence; compare it with copies and checkpoints");
    output.value(json!({ "ok": false, "file": file, "code": code, "message": message }));
    Exit::Found
}
