//! Mutual TLS with a throw-away authority: the server knows its clients by their certificates, the client
//! pins the server's key, and a certificate is revoked while its connection is open.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use std::path::Path;

use palisade::{
    Client, Context, SecurityConfig, Server,
    auth::Mtls,
    http::{HttpServer, HttpTransport},
    security::{
        AllowedOrigins, ClientCertificates, ClientTls, PeerCertificate, PemSource, Roots,
        ServerTls, SpkiPin, TlsVersions,
    },
    tool,
};
use palisade_testkit::{TestCa, pki::TestCert};
use serde_json::json;

type Error = Box<dyn std::error::Error>;

/// Tells who calls.
#[tool]
async fn whoami(ctx: Context) -> String {
    ctx.principal().subject().to_owned()
}

/// A client with this certificate, which talks to the server with this key only.
async fn client(
    ca: &TestCa,
    url: &str,
    identity: &TestCert,
    pin: SpkiPin,
) -> Result<Client, Error> {
    let tls = ClientTls::builder(Roots::only(PemSource::text(ca.pem())))
        .with_client_certificate(
            PemSource::text(identity.pem()),
            PemSource::text(identity.key_pem()),
        )
        .with_spki_pins([pin])
        .build()?;
    Ok(Client::connect(HttpTransport::builder(url)?.with_tls(tls).build()?).await?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = std::env::temp_dir().join(format!("palisade-mutual-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = run(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn run(folder: &Path) -> Result<(), Error> {
    let ca = TestCa::new();
    let (server, alice, bob) = (
        ca.server(),
        ca.client("spiffe://example.org/alice"),
        ca.client("spiffe://example.org/bob"),
    );
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    let (authorities, crl) = (folder.join("clients.pem"), folder.join("clients.crl"));
    std::fs::write(&certificate, server.pem())?;
    std::fs::write(&key, server.key_pem())?;
    std::fs::write(&authorities, ca.pem())?;
    std::fs::write(&crl, ca.crl(&[]))?;

    let tls = ServerTls::builder(PemSource::file(certificate), PemSource::file(key))
        .with_versions(TlsVersions::V1_3Only)
        .with_client_certificates(
            ClientCertificates::required(PemSource::file(authorities))
                .with_crls([PemSource::file(&crl)]),
        )
        .build()?;
    println!("server certificate ends at {} ms", tls.expires_at().as_millis());
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Mtls::spiffe(["example.org".parse()?]))
        .with_tls(tls)
        .build()?;
    let engine = Server::new("mutual", "1.0.0").with_tool(whoami).build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, engine, security).await?;
    let url = format!("https://localhost:{}/mcp", http.local_addr()?.port());
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    let pin = PeerCertificate::from_verified_chain(&[server.der()])?.spki_sha256();
    let pin = SpkiPin::from_sha256(pin);
    println!("server key is {pin}");
    let (alice, bobs) =
        (client(&ca, &url, &alice, pin).await?, client(&ca, &url, &bob, pin).await?);
    for client in [&alice, &bobs] {
        println!("the server says: {}", client.call::<String>("whoami", &json!({})).await?);
    }
    match client(&TestCa::new(), &url, &bob, pin).await {
        Ok(_) => return Err("a stranger's authority was trusted".into()),
        Err(error) => println!("of another authority: {error}"),
    }

    // Somebody replaces the list; the server would read it within a minute by itself.
    std::fs::write(&crl, ca.crl(&[&bob]))?;
    println!("reload: {:?}", handle.reload_tls()?);
    match bobs.call::<String>("whoami", &json!({})).await {
        Ok(_) => return Err("a revoked certificate was served".into()),
        Err(error) => println!("bob, revoked: {error}"),
    }
    println!("the server says: {}", alice.call::<String>("whoami", &json!({})).await?);

    handle.shutdown();
    serving.await?;
    Ok(())
}
