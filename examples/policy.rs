//! Who may do what: roles, demands on arguments, a list that shows what may be used, and explanations.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use palisade::{
    Client, Principal, SecurityConfig, Server,
    auth::{Bearer, BearerToken, bearer::TokenEntry},
    http::{HttpServer, HttpTransport},
    security::{
        AccessRequest, AllowedOrigins, ArgumentRule, Origin, Role, Rule, RulePolicy, Scope, Target,
        explain,
    },
    tool,
};
use serde_json::json;

/// Reads a note.
#[tool]
async fn note_read(path: String) -> String {
    format!("what {path} says")
}

/// Writes a note.
#[tool]
async fn note_write(path: String, text: String) -> String {
    format!("{} bytes in {path}", text.len())
}

fn rules() -> Result<RulePolicy, Box<dyn std::error::Error>> {
    let writer = Role::new("writer").with_scopes([Scope::parse("notes:write")?]);
    Ok(RulePolicy::new()
        .allow_methods(["server/discover", "tools/list"])
        .with_rule(
            Rule::allow()
                .with_name("everyone reads")
                .with_tools(["note_read"])
                .with_arguments([ArgumentRule::below("/path", "/notes/public")?]),
        )
        .with_rule(
            Rule::allow().with_name("writers").with_roles([writer]).with_tools(["note_write"]),
        )
        // Of every call, whichever rule allows it.
        .with_rule(Rule::require().with_name("only notes").with_tools(["*"]).with_arguments([
            ArgumentRule::below("/path", "/notes")?,
            ArgumentRule::max_bytes("/text", 100)?.optional(),
        ])))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = rules()?;

    // Before anything runs, for the operator: what would be decided, and why.
    let bob = Principal::new("bob", "bearer");
    let arguments = json!({ "path": "/etc/passwd" }).to_string();
    for name in ["note_read", "note_write", "shell"] {
        let request = AccessRequest::new(&bob, "tools/call")
            .with_target(Target::Tool(name))
            .with_arguments(Some(&arguments));
        println!("explain {name}: {}", explain(&policy, &request));
    }

    let (alice, bob) = ("q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT", "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l");
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([
            TokenEntry::new("alice", alice).with_scopes([Scope::parse("notes:write")?]),
            TokenEntry::new("bob", bob),
        ]))
        .without_tls()
        .with_policy(policy)
        .build()?;
    let server =
        Server::new("notes", "1.0.0").with_tool(note_read).with_tool(note_write).build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let url = format!("http://{}/mcp", http.local_addr()?);
    let origin: Origin = url.trim_end_matches("/mcp").parse()?;
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    for (name, token) in [("alice", alice), ("bob", bob)] {
        let credentials = BearerToken::new(origin.clone(), token)?;
        let transport = HttpTransport::builder(&url)?.with_credentials(credentials).build()?;
        let client = Client::connect(transport).await?;
        let tools = client.list_tools().collect_all().await?;
        let tools: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
        println!("{name} sees {tools:?}");
        for (tool, path) in [
            ("note_read", "/notes/public/a"),
            ("note_read", "/notes/private/a"),
            ("note_read", "/notes/public/%2e%2e/private/a"),
            ("note_write", "/notes/a"),
            ("note_write", "/etc/passwd"),
        ] {
            let arguments = json!({ "path": path, "text": "hello" });
            match client.call::<String>(tool, &arguments).await {
                Ok(answer) => println!("{name}: {tool} {path}: {answer}"),
                Err(error) => println!("{name}: {tool} {path}: {error}"),
            }
        }
    }
    handle.shutdown();
    serving.await?;
    Ok(())
}
