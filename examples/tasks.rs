//! Tasks: a call that outlives its request, a question while it runs, a handle that is stored and used by
//! another client, and a cancellation.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use std::{collections::HashMap, time::Duration};

use palisade::{
    Client, Context, HandlerError, SecurityConfig, Server,
    client::{CallOptions, StartedCall, TaskHandle},
    http::{HttpServer, HttpTransport},
    protocol::{BooleanSchema, ElicitRequestFormParams, ElicitResult, ElicitSchema},
    security::{AllowedOrigins, Limits, TaskLimits},
    tool,
};
use serde_json::json;

/// Deploys a version, and asks before it does.
#[tool(task = "optional")]
async fn deploy(version: String, context: Context) -> Result<String, HandlerError> {
    for step in 1..=3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        context.progress(f64::from(step), Some(3.0), Some("building")).await;
    }
    // In a task the handler waits here; nothing above runs a second time.
    let schema = ElicitSchema::new().with_boolean("go", BooleanSchema::new());
    let question = format!("Deploy {version}?");
    let answer = context.elicit("go", ElicitRequestFormParams::new(question, schema)).await?;
    let go = answer.field("go").and_then(serde_json::Value::as_bool) == Some(true);
    Ok(if go { format!("{version} is deployed") } else { format!("{version} is not deployed") })
}

/// A client that agrees to everything, and says so.
async fn connect(url: &str) -> Result<Client, Box<dyn std::error::Error>> {
    let client = Client::builder().with_tasks().with_elicitation_handler(|form| async move {
        let form: ElicitRequestFormParams = form;
        println!("asked: {}", form.message);
        Ok(ElicitResult::accept(HashMap::from([("go".to_owned(), json!(true))])))
    });
    Ok(client.connect(HttpTransport::new(url)?).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("deployer", "1.0.0").with_tool(deploy).build()?;
    let tasks = TaskLimits::new()
        .with_max_per_principal(4)
        .with_ttl(Duration::from_secs(10 * 60))
        .with_poll_interval(Duration::from_millis(100));
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_limits(Limits::new().with_tasks(tasks))
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let url = format!("http://{}/mcp", http.local_addr()?);
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    // The call returns when the task is over, as if there were none.
    let client = connect(&url).await?;
    let text: String = client.call("deploy", &json!({ "version": "1.0" })).await?;
    println!("{text}");

    // Or as soon as there is one: the handle can wait somewhere while nobody is connected.
    let arguments = json!({ "version": "2.0" });
    let stored = match client.start_tool("deploy", &arguments, CallOptions::new()).await? {
        StartedCall::Task(task) => serde_json::to_string(&task)?,
        other => return Err(format!("no task: {other:?}").into()),
    };
    drop(client);
    let client = connect(&url).await?;
    let mut task: TaskHandle = serde_json::from_str(&stored)?;
    let result = client.wait_for_task(&mut task).await?;
    println!("{}", result.content.first().and_then(|block| block.as_text()).unwrap_or_default());

    let arguments = json!({ "version": "3.0" });
    let started = client.start_tool("deploy", &arguments, CallOptions::new()).await?;
    if let StartedCall::Task(mut task) = started {
        client.cancel_task(task.task_id()).await?;
        match client.wait_for_task(&mut task).await {
            Ok(_) => println!("it was done before"),
            Err(error) => println!("3.0: {error}"),
        }
    }

    handle.shutdown();
    serving.await?;
    Ok(())
}
