//! `palisade call URL TOOL JSON`: one call, to see that it works.

use palisade::{Client, client::ClientError, http::HttpTransport, protocol::CallToolResult};
use serde_json::{Map, Value, json};

use crate::{
    args::Args,
    exit::Exit,
    output::{Colour, Output, printable},
    target::Options,
};

pub(crate) const USAGE: &str =
    "call URL|FILE TOOL JSON [--token env:NAME|file:PATH] [--ca FILE] [--eras both|modern|legacy]";

pub(crate) fn run(mut args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let options = Options::take(&mut args, output)?.with_eras(&mut args, output)?;
    let [target, tool, arguments] = args.words(USAGE, output)?;
    let arguments: Map<String, Value> = serde_json::from_str(&arguments).map_err(|_| {
        output.problem("the arguments are not a JSON object, such as '{\"a\": 1}'");
        Exit::Usage
    })?;
    let config = options.client(&target, output)?;
    let transport = HttpTransport::builder(config.url())
        .and_then(|builder| builder.with_security(config.security())?.build())
        .map_err(|error| refused(error.code(), &error.to_string(), output))?;
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        output.problem("the system gives no runtime");
        return Err(Exit::Unreachable);
    };
    let called = runtime.block_on(async {
        let client = Client::builder().with_eras(config.eras()).connect(transport).await?;
        let called = client.call_tool(&tool, &arguments).await;
        client.close().await;
        called
    });
    match called {
        Ok(result) => Ok(show(&result, output)),
        Err(error) => {
            refused(error.code(), &error.to_string(), output);
            Err(match error {
                ClientError::Transport(error)
                    if matches!(
                        error.code(),
                        "connection_refused" | "connect_timeout" | "tls_failed"
                    ) =>
                {
                    Exit::Unreachable
                }
                _ => Exit::Found,
            })
        }
    }
}

fn show(result: &CallToolResult, output: &mut Output) -> Exit {
    let value = serde_json::to_value(result).unwrap_or_default();
    let failed = value.get("isError").and_then(Value::as_bool).unwrap_or(false);
    if failed {
        let title = output.paint(Colour::Red, "the tool reports an error");
        output.line(&title);
    }
    match value.get("structuredContent") {
        Some(structured) => output.line(&printable_lines(&format!("{structured:#}"))),
        None => {
            for content in value.get("content").and_then(Value::as_array).into_iter().flatten() {
                match content.get("text").and_then(Value::as_str) {
                    Some(text) => output.line(&printable_lines(text)),
                    None => output.line(&printable_lines(&format!("{content:#}"))),
                }
            }
        }
    }
    output.value(json!({ "ok": !failed, "result": value }));
    if failed { Exit::Found } else { Exit::Good }
}

/// Keeps line ends: a tool's text may have several lines.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

fn refused(code: &str, message: &str, output: &mut Output) -> Exit {
    let title = output.paint(Colour::Red, "error");
    output.line(&format!("{title}[{code}] {}", printable(message)));
    output.line("  fix: ask `palisade doctor` about the server");
    output.value(json!({ "ok": false, "error": { "code": code, "message": message } }));
    Exit::Found
}
