//! An audit log in a file: chained under a key, checked, and edited in vain.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use std::{fs, sync::Arc, time::Duration};

use palisade::{
    Client, SecurityConfig, Server,
    auth::{Bearer, BearerToken, bearer::TokenEntry},
    http::{HttpServer, HttpTransport},
    security::{
        AllowedOrigins, FailMode, FanOut, JsonLinesAudit, MemoryAudit, RulePolicy, Secret,
        TracingAudit,
        audit::{AuditKey, Flush, Verifier, to_ocsf, verify},
        digest::random_bytes,
    },
    tool,
};

type Error = Box<dyn std::error::Error>;

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Deletes everything.
#[tool]
async fn wipe() -> &'static str {
    "wiped"
}

fn random_secret() -> Result<String, Error> {
    Ok(random_bytes::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // What a handler says when it panics may hold anything.
    palisade::server::hide_handler_panics();

    let directory = std::env::temp_dir().join(format!("palisade-audit-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let path = directory.join("audit.jsonl");
    // The key belongs on another machine than the log: who has both can write another past.
    let key = Secret::new(random_secret()?);
    let file = JsonLinesAudit::options(FailMode::Closed)
        .with_key(AuditKey::from_secret(&key)?)
        .with_flush(Flush::Within(Duration::from_millis(50)))
        .with_max_file_bytes(64 << 20)
        .open(&path)?;
    let (file, recent) = (Arc::new(file), Arc::new(MemoryAudit::new()));
    let sinks =
        FanOut::new().with(Arc::clone(&file)).with(Arc::clone(&recent)).with(TracingAudit::new());

    let token = random_secret()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([TokenEntry::new("alice", token.as_str())]))
        .without_tls()
        .with_policy(RulePolicy::new().allow_methods(["server/discover"]).allow_tool("add"))
        .with_audit(sinks)
        .build()?;
    let server = Server::new("audited", "1.0.0").with_tool(add).with_tool(wipe).build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let origin = format!("http://{}", http.local_addr()?);
    let (handle, url) = (http.handle(), format!("{origin}/mcp"));
    let serving = tokio::spawn(http.serve());

    let credentials = BearerToken::new(origin.parse()?, token.as_str())?;
    let transport = HttpTransport::builder(&url)?.with_credentials(credentials).build()?;
    let client = Client::connect(transport).await?;
    let sum: i64 = client.call("add", &serde_json::json!({ "a": 2, "b": 3 })).await?;
    println!("2 + 3 = {sum}");
    let refused = client.call::<String>("wipe", &serde_json::json!({})).await;
    println!("wipe: {}", refused.err().map_or_else(|| "done".into(), |error| error.to_string()));
    println!("a stranger: {:?}", Client::connect(HttpTransport::new(&url)?).await.err());

    handle.shutdown();
    serving.await?;
    file.flush(Duration::from_secs(5))?;
    let noted = file.head().ok_or("nothing was written")?;
    println!("\nnote this elsewhere: {noted}\n");

    let text = fs::read_to_string(&path)?;
    print!("{text}");
    let key = AuditKey::from_secret(&key)?;
    let mut verifier = Verifier::new(Some(&key)).with_checkpoint(noted);
    verifier.read(text.as_bytes())?;
    println!("\n{:?}\n", verifier.finish()?);

    let edited = text.replacen("\"denied\"", "\"allowed\"", 1);
    let found = verify(edited.as_bytes(), Some(&key)).err().ok_or("an edit was not found")?;
    println!("one word changed: {found}");

    let last = recent.entries().pop().ok_or("nothing was recorded")?;
    println!("\nas OCSF: {:#}", to_ocsf(&last));
    drop(file);
    fs::remove_dir_all(directory)?;
    Ok(())
}
