//! The configuration of a client that launches its server. What the file system says about the program is
//! checked when it is launched.

use std::path::Path;

use palisade_security::{ClientLimits, ProcessLimits, Restart, ServerCommand};

use super::{client, limits::duration};
use crate::{
    checked::Purpose,
    findings::Findings,
    launch::LaunchConfig,
    raw::{RawLaunchConfig, RawProcessLimits, RawRestart},
    secret_ref::Fetcher,
};

/// Builds the configuration of a client that launches its server.
pub(crate) fn launch(
    raw: &RawLaunchConfig,
    _: Purpose,
    findings: &mut Findings,
) -> Option<LaunchConfig> {
    check_program(raw, findings);
    let mut command = arguments(raw, ServerCommand::new(raw.program.as_str()), findings);
    command = environment(raw, command, findings);
    if let Some(dirs) = &raw.search_dirs {
        for (index, _) in dirs.iter().enumerate().filter(|(_, dir)| !is_absolute(dir)) {
            let (message, path) = ("it is not an absolute path", format!("search_dirs[{index}]"));
            findings.error(path, "search_dir_relative", message, "write the whole path");
        }
        command = command.with_search_dirs(dirs);
    }
    if let Some(dir) = &raw.current_dir {
        if !is_absolute(dir) {
            let message = "it is not an absolute path";
            findings.error("current_dir", "invalid_current_dir", message, "write the whole path");
        }
        command = command.with_current_dir(dir);
    }
    if let Some(text) = &raw.digest {
        match digest(text) {
            Some(digest) => command = command.with_digest(digest),
            None => {
                let message = "it is no SHA-256 digest";
                let fix = "write the 64 digits that `sha256sum` prints";
                findings.error("digest", "invalid_digest", message, fix);
            }
        }
    }
    let command = command.with_limits(process(&raw.process, findings));
    let defaults = ClientLimits::new();
    let max_message_bytes = raw.max_message_bytes.unwrap_or(defaults.max_message_bytes());
    if max_message_bytes == 0 {
        let message = "nothing would be read";
        findings.error("max_message_bytes", "limit_is_zero", message, "set a positive number");
    }
    let start_timeout = raw.start_timeout.as_ref();
    let start_timeout = start_timeout.and_then(|text| duration(text, "start_timeout", findings));
    Some(LaunchConfig {
        command,
        restart: restart(&raw.restart, findings),
        max_message_bytes,
        start_timeout: start_timeout.unwrap_or(defaults.connect_timeout()),
        eras: client::eras(raw.eras),
        warnings: findings.warnings(),
    })
}

fn check_program(raw: &RawLaunchConfig, findings: &mut Findings) {
    let program = Path::new(&raw.program);
    if !program.is_absolute() && program.file_name() != Some(program.as_os_str()) {
        let message = "it is neither an absolute path nor a name without slashes";
        let fix = "write the whole path, or the name and `search_dirs`";
        findings.error("program", "program_path_relative", message, fix);
    }
    if program.is_absolute() && raw.search_dirs.is_some() {
        let message = "nothing is looked up: the program is an absolute path";
        let fix = "remove `search_dirs`, or write the name of the program alone";
        findings.error("search_dirs", "search_dirs_not_used", message, fix);
    }
}

fn arguments(
    raw: &RawLaunchConfig,
    mut command: ServerCommand,
    findings: &mut Findings,
) -> ServerCommand {
    for (index, arg) in raw.args.iter().enumerate() {
        let declared = raw.flags.contains(arg);
        if arg.starts_with('-') && !declared {
            let message = "it begins with a dash, so the program takes it for a flag";
            let fix = "list it in `flags` if it is one";
            findings.error(format!("args[{index}]"), "argument_leading_dash", message, fix);
        }
        command = if declared { command.with_flag(arg) } else { command.with_arg(arg) };
    }
    for (index, _) in raw.flags.iter().enumerate().filter(|(_, flag)| !raw.args.contains(flag)) {
        let message = "it is not among the arguments";
        let fix = "add it to `args`, or remove it here";
        findings.error(format!("flags[{index}]"), "flag_not_used", message, fix);
    }
    command
}

fn environment(
    raw: &RawLaunchConfig,
    mut command: ServerCommand,
    findings: &mut Findings,
) -> ServerCommand {
    let fetcher =
        Fetcher { base: raw.base.as_deref(), allow_inline: raw.dangerous.allow_inline_secrets };
    for (name, value) in &raw.env {
        check_variable(name, "env", findings);
        command = command.with_env(name, value.as_str());
    }
    for (name, value) in &raw.secret_env {
        if !check_variable(name, "secret_env", findings) {
            continue;
        }
        let path = format!("secret_env.{}", name.escape_debug());
        if raw.env.contains_key(name) {
            twice(&path, findings);
        }
        command = command.with_env(name, fetcher.fetch(value, &path, findings));
    }
    for (index, name) in raw.inherited_env.iter().enumerate() {
        let path = format!("inherited_env[{index}]");
        if raw.env.contains_key(name) || raw.secret_env.contains_key(name) {
            twice(&path, findings);
        }
        check_variable(name, &path, findings);
        if std::env::var_os(name).is_none() {
            let message = "the variable is not set";
            let fix = "set it, or remove it here";
            findings.error(path, "missing_variable", message, fix);
        }
        command = command.with_inherited_env(name);
    }
    command
}

fn twice(path: &str, findings: &mut Findings) {
    let message = "the variable is set twice";
    findings.error(path, "variable_set_twice", message, "leave it in one place");
}

/// Whether it can be the name of a variable. One that cannot is not shown: an assignment stands there, as like
/// as not.
fn check_variable(name: &str, path: &str, findings: &mut Findings) -> bool {
    let good = !name.is_empty() && !name.contains(['=', '\0']);
    if !good {
        let message = "it is not the name of a variable";
        let fix = "write a name without an equals sign";
        findings.error(path, "invalid_variable", message, fix);
    }
    good
}

fn process(raw: &RawProcessLimits, findings: &mut Findings) -> ProcessLimits {
    let mut limits = ProcessLimits::new();
    if let Some(bytes) = raw.max_memory_bytes {
        limits = limits.with_max_memory_bytes(bytes);
    }
    if let Some(files) = raw.max_open_files {
        limits = limits.with_max_open_files(files);
    }
    if let Some(processes) = raw.max_processes {
        limits = limits.with_max_processes(processes);
    }
    if let Some(bytes) = raw.max_file_bytes {
        limits = limits.with_max_file_bytes(bytes);
    }
    let path = "process.max_cpu_time";
    let time = raw.max_cpu_time.as_ref().and_then(|text| duration(text, path, findings));
    if let Some(time) = time {
        if time.subsec_nanos() != 0 || time.is_zero() {
            let message = "processor time is limited in whole seconds, one at least";
            findings.error(path, "invalid_duration", message, "write whole seconds, such as `60s`");
        }
        limits = limits.with_max_cpu_seconds(time.as_secs());
    }
    limits
}

fn restart(raw: &RawRestart, findings: &mut Findings) -> Restart {
    let mut restart = Restart::new();
    if let Some(attempts) = raw.attempts {
        restart = restart.with_attempts(attempts);
    }
    let mut time =
        |text: &Option<_>, path| text.as_ref().and_then(|text| duration(text, path, findings));
    if let Some(delay) = time(&raw.first_delay, "restart.first_delay") {
        restart = restart.with_first_delay(delay);
    }
    if let Some(delay) = time(&raw.max_delay, "restart.max_delay") {
        restart = restart.with_max_delay(delay);
    }
    if let Some(delay) = time(&raw.healthy_after, "restart.healthy_after") {
        restart = restart.with_healthy_after(delay);
    }
    restart
}

fn is_absolute(path: &str) -> bool {
    Path::new(path).is_absolute()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}
