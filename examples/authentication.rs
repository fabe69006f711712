//! Every kind of static credential on one server: how each is sent, what is refused, and a key that is exchanged
//! while the server runs.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use std::sync::Arc;

use palisade::{
    Client, Context, SecurityConfig, Server, ToolRoute,
    auth::{
        ApiKey, ApiKeyCredential, Basic, BasicCredential, Bearer, BearerToken, CustomHeaders,
        CustomHeadersCredential, PasswordHash, SecretEntry, basic::UserEntry, custom::HeaderSet,
    },
    http::{HttpServer, HttpTransport},
    security::{
        AllowedOrigins, AnyOf, CredentialProvider, NoCredentials, Origin, build_auth_headers,
        digest::random_bytes,
    },
};

type Error = Box<dyn std::error::Error>;

/// Says who asks.
async fn whoami(ctx: Context) -> String {
    let principal = ctx.principal();
    format!("{} ({})", principal.subject(), principal.scheme())
}

/// What `openssl rand -hex 32` gives.
fn random_secret() -> Result<String, Error> {
    Ok(random_bytes::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let [token, key, value, password] =
        [random_secret()?, random_secret()?, random_secret()?, random_secret()?];

    // A configuration file would hold `hash.to_phc_string()`; the password itself is not kept.
    let hash = PasswordHash::new("carol", password.as_str())?;
    let keys = ApiKey::entries([SecretEntry::new("bob", key.as_str())]);
    let rotation = keys.handle();
    let authenticator = AnyOf::new(Bearer::entries([SecretEntry::new("alice", token.as_str())]))
        .or(keys)
        .or(Basic::users([UserEntry::new("carol", hash)]))
        .or(CustomHeaders::sets([HeaderSet::new(
            "dan",
            [("X-Client-Id", "dan"), ("X-Client-Secret", value.as_str())],
        )]));
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(authenticator)
        .without_tls()
        .build()?;
    let server = Server::new("whoami", env!("CARGO_PKG_VERSION"))
        .with_tool(ToolRoute::typed("whoami", |_: NoArguments, ctx: Context| whoami(ctx)))
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let address = http.local_addr()?;
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    // Each credential is bound to this origin: no mistyped URL and no redirect can leak it.
    let origin: Origin = format!("http://{address}").parse()?;
    let bob = ApiKeyCredential::new(origin.clone(), key.as_str())?;
    let providers: [Arc<dyn CredentialProvider>; 4] = [
        Arc::new(BearerToken::new(origin.clone(), token.as_str())?),
        Arc::new(bob.clone()),
        Arc::new(BasicCredential::new(origin.clone(), "carol", password.as_str())?),
        Arc::new(CustomHeadersCredential::new(
            origin.clone(),
            [("X-Client-Id", "dan"), ("X-Client-Secret", value.as_str())],
        )?),
    ];
    for provider in providers {
        // Values are marked as sensitive, so this shows the names only.
        println!("{:?}", build_auth_headers(&provider, &origin).await?);
        println!("    {}", ask(&origin, provider).await?);
    }

    for (what, refused) in [
        ("no credentials", ask(&origin, NoCredentials::new()).await),
        (
            "a wrong key",
            ask(&origin, ApiKeyCredential::new(origin.clone(), random_secret()?)?).await,
        ),
    ] {
        let Err(error) = refused else { return Err("this must be refused".into()) };
        println!("{what}: {error}");
    }
    let elsewhere: Origin = "https://example.com".parse()?;
    let Err(error) = build_auth_headers(&bob, &elsewhere).await else {
        return Err("a key went elsewhere".into());
    };
    println!("another origin: {error}");

    let renewed = random_secret()?;
    rotation.replace([SecretEntry::new("bob", renewed.as_str())])?;
    if ask(&origin, bob).await.is_ok() {
        return Err("the old key must be refused".into());
    }
    let bob = ApiKeyCredential::new(origin.clone(), renewed)?;
    println!("after the rotation: {}", ask(&origin, bob).await?);

    handle.shutdown();
    serving.await?;
    Ok(())
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NoArguments {}

async fn ask(
    origin: &Origin,
    credentials: impl CredentialProvider + 'static,
) -> Result<String, Error> {
    let transport = HttpTransport::builder(&format!("{origin}/mcp"))?;
    let client = Client::connect(transport.with_credentials(credentials).build()?).await?;
    Ok(client.call("whoami", &serde_json::json!({})).await?)
}
