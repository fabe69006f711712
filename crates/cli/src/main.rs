//! `palisade`: checks and explains the security of MCP servers and clients.
//!
//! Exit codes: 0 all is well, 1 something was found or refused, 2 the command line is wrong, 3 it could not
//! be examined.

mod args;
mod audit;
mod call;
mod capabilities;
mod check;
mod doctor;
mod exit;
mod output;
mod schema;
mod target;

use std::process::ExitCode;

use crate::{args::Args, exit::Exit, output::Output};

/// One command.
struct Command {
    /// What is typed after `palisade`.
    name: &'static str,
    /// The arguments it takes, for the help text.
    usage: &'static str,
    /// What it does, in one line.
    about: &'static str,
    /// Its entry point.
    run: fn(Args, &mut Output) -> Result<Exit, Exit>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "check",
        usage: "FILE [--deny-warnings]",
        about: "find everything that is wrong with a configuration file",
        run: check::run,
    },
    Command {
        name: "doctor",
        usage: "URL|FILE [OPTION...] [--origin ORIGIN]",
        about: "explain why a server cannot be used, and the next step of hardening",
        run: doctor::run,
    },
    Command {
        name: "call",
        usage: "URL|FILE TOOL JSON [OPTION...]",
        about: "call a tool",
        run: call::run,
    },
    Command {
        name: "audit",
        usage: "verify FILE... [--key REF] [--checkpoint HEAD]",
        about: "verify that an audit log is whole",
        run: audit::run,
    },
    Command {
        name: "capabilities",
        usage: "",
        about: "show what each transport can do",
        run: capabilities::run,
    },
    Command {
        name: "schema",
        usage: "server|client",
        about: "print the JSON Schema of configuration files, for editors",
        run: schema::run,
    },
];

fn main() -> ExitCode {
    let mut args = Args::new(std::env::args().skip(1));
    let json = args.flag("--json");
    let mut output = Output::new(json);
    let name = match args.next_word() {
        None => return help(&mut output, Exit::Usage),
        Some(name) if matches!(name.as_str(), "help" | "--help" | "-h") => {
            return help(&mut output, Exit::Good);
        }
        Some(name) if matches!(name.as_str(), "--version" | "-V") => {
            output.line(concat!("palisade ", env!("CARGO_PKG_VERSION")));
            return output.end(Exit::Good);
        }
        Some(name) => name,
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        output.problem(&format!("there is no command `{}`", output::printable(&name)));
        return help(&mut output, Exit::Usage);
    };
    let exit = (command.run)(args, &mut output).unwrap_or_else(|exit| exit);
    output.end(exit)
}

fn help(output: &mut Output, exit: Exit) -> ExitCode {
    output.line("palisade COMMAND [--json]\n");
    for Command { name, usage, about, .. } in COMMANDS {
        output.line(&format!("  {:<58} {about}", format!("{name} {usage}")));
    }
    output.line(&format!("\nOPTION: {}. A file says these itself.", target::USAGE));
    output
        .line("\nExit codes: 0 all is well, 1 found or refused, 2 usage, 3 could not be examined.");
    output.line("Colours on a terminal, unless NO_COLOR is set. No output shows a secret.");
    output.end(exit)
}
