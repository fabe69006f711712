//! A client that launches its server, the example `stdio_server`, calls its tool, and takes it down again.
#![allow(clippy::print_stdout, reason = "it shows the result")]

use palisade::{
    Client,
    stdio::{ProcessLimits, ServerCommand, StdioTransport},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The server gets what is named here and nothing else: no shell, no environment, its own process group.
    let program = std::env::current_exe()?.with_file_name("stdio_server");
    let limits = ProcessLimits::new().with_max_open_files(64).with_max_cpu_seconds(60);
    let command = ServerCommand::new(program).with_env("RUST_LOG", "info").with_limits(limits);
    let client = Client::connect(StdioTransport::launch(command)?).await?;
    let sum: i64 = client.call("add", &serde_json::json!({ "a": 2, "b": 3 })).await?;
    println!("2 + 3 = {sum}");
    client.close().await;
    Ok(())
}
