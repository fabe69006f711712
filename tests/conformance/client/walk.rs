//! What the client does: it lists what the server says it has, and uses all of it.

use palisade::{
    Client,
    protocol::{CallToolResult, RawJson, Tool},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    Outcome, arguments,
    scenario::{Call, Scenario},
};

pub(crate) async fn walk(client: &Client, scenario: &Scenario) -> Outcome {
    let server = client.discover().await?;
    if server.capabilities.tools.is_some() {
        use_tools(client, scenario).await?;
    }
    if server.capabilities.resources.is_some() {
        for resource in client.list_resources().collect_all().await? {
            client.read_resource(&resource.uri).await?;
        }
    }
    if server.capabilities.prompts.is_some() {
        for prompt in client.list_prompts().collect_all().await? {
            let required = prompt.arguments.iter().flatten().filter(|a| a.is_required());
            let arguments = required.map(|argument| (argument.name.clone(), "text"));
            client.get_prompt(&prompt.name, arguments).await?;
        }
    }
    Ok(())
}

async fn use_tools(client: &Client, scenario: &Scenario) -> Outcome {
    let tools = client.list_tools().collect_all().await?;
    match scenario {
        Scenario::UseEverything => {
            for tool in &tools {
                let arguments = arguments::required(&tool.input_schema.decode()?);
                call(client, &tool.name, &arguments).await?;
            }
        }
        Scenario::Calls(calls) => {
            for Call { name, arguments } in calls {
                call(client, name, arguments).await?;
            }
        }
        Scenario::ListOnly => {}
        Scenario::EchoSchema => {
            let schema = schema_of(&tools, "json_schema_2020_12_tool")?;
            call(client, "json_schema_echo", &json!({ "schema": schema })).await?;
        }
    }
    Ok(())
}

/// Calls a tool that must not fail.
async fn call(client: &Client, name: &str, arguments: &impl Serialize) -> Outcome<CallToolResult> {
    let result = client.call_tool(name, arguments).await?;
    if result.is_error() {
        return Err(format!("tool {name} reports an error: {:?}", result.content).into());
    }
    Ok(result)
}

fn schema_of<'a>(tools: &'a [Tool], name: &str) -> Outcome<&'a RawJson> {
    let tool = tools.iter().find(|tool| tool.name == name);
    Ok(&tool.ok_or_else(|| format!("the server has no tool {name}"))?.input_schema)
}
