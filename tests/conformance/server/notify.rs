//! Tools that say something before they end, or to someone else.

use std::time::Duration;

use palisade::{protocol::LoggingLevel, server::ServerBuilder};

use crate::tool;

/// How long the tools pretend to work between two messages.
pub(crate) const STEP: Duration = Duration::from_millis(50);

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_tool(tool("test_tool_with_progress", "Reports progress.", async |context| {
            for progress in [0.0, 50.0, 100.0] {
                context.progress(progress, Some(100.0), Some("working")).await;
                tokio::time::sleep(STEP).await;
            }
            "Progress was reported, if it was asked for."
        }))
        .with_tool(tool(
            "test_logging_tool",
            "Logs, if the request asks for it.",
            async |context| {
                for step in ["started", "processing", "completed"] {
                    context.log(LoggingLevel::Info, Some("conformance"), step).await;
                    tokio::time::sleep(STEP).await;
                }
                "Messages were logged, if they were asked for."
            },
        ))
        .with_tool(tool(
            "test_trigger_tool_change",
            "Tells subscribers that the tools have changed.",
            async |context| {
                context.notifier().tools_changed();
                "Subscribers were told."
            },
        ))
        .with_tool(tool(
            "test_trigger_prompt_change",
            "Tells subscribers that the prompts have changed.",
            async |context| {
                context.notifier().prompts_changed();
                "Subscribers were told."
            },
        ))
}
