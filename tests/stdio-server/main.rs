//! A server over standard input and output that tells what it was launched with, and misbehaves when asked to.
#![allow(clippy::print_stdout, reason = "that it prints is what is tested")]

use std::{collections::BTreeMap, env};

use palisade::{Json, SecurityConfig, Server, stdio::StdioServer, tool};
use schemars::JsonSchema;
use serde::Serialize;

/// What a process got from whoever launched it.
#[derive(Serialize, JsonSchema)]
struct Launched {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    current_dir: String,
    pid: u32,
    open_files: String,
}

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Tells what it was launched with.
#[tool]
async fn launched() -> Json<Launched> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Json(Launched {
        args: env::args().skip(1).collect(),
        env: env::vars().collect(),
        current_dir: env::current_dir().unwrap_or_default().display().to_string(),
        pid: std::process::id(),
        open_files: open_files.unwrap_or_default().split_whitespace().next().unwrap_or("").into(),
    })
}

/// Prints what is no message, and starts a program that does the same.
#[tool]
async fn print() -> String {
    println!("{{\"not\": \"a message\"}}");
    let echo = std::process::Command::new("/bin/echo").arg("{\"nor\": \"this\"}").status();
    format!("{}", echo.is_ok_and(|status| status.success()))
}

/// Never ends.
#[tool]
async fn wait() -> String {
    std::future::pending().await
}

/// Ends the process.
#[tool]
async fn exit() -> String {
    std::process::exit(3)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("stdio-server", "1.0.0")
        .with_tool(add)
        .with_tool(launched)
        .with_tool(print)
        .with_tool(wait)
        .with_tool(exit)
        .build()?;
    StdioServer::new(server, SecurityConfig::stdio().build()?).serve_stdio().await?;
    Ok(())
}
