//! Credentials: where they go, where they do not, and what is kept apart by them.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use palisade_security::{ClientTls, CredentialError, CredentialProvider, Origin};
use palisade_testkit::{Reply, ScriptedServer, TestCa};
use palisade_transport::ClientTransport;
use palisade_transport_http::{HttpTransport, HttpTransportError};
use serde_json::json;

use crate::support::{all, send};

const TOKEN: &str = "Bearer canary-7d1f";

/// Sends a token; changes its identity while it does so, if told to.
#[derive(Clone, Debug, Default)]
struct Token {
    user: Arc<AtomicU8>,
    changes: bool,
    fails: Option<CredentialError>,
    header: Option<&'static str>,
}

#[async_trait]
impl CredentialProvider for Token {
    async fn apply(&self, _: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        if let Some(error) = &self.fails {
            return Err(error.clone());
        }
        if self.changes {
            self.user.fetch_add(1, Ordering::SeqCst);
        }
        let value = HeaderValue::from_static(TOKEN);
        match self.header {
            Some(name) => headers.insert(name, value),
            None => headers.insert(AUTHORIZATION, value),
        };
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        [self.user.load(Ordering::SeqCst); 32]
    }
}

async fn server() -> ScriptedServer {
    ScriptedServer::start(|_| Reply::json(200, &json!({ "jsonrpc": "2.0", "id": 1, "result": {} })))
        .await
}

fn transport(server: &ScriptedServer, provider: Token) -> HttpTransport {
    HttpTransport::builder(&server.url()).unwrap().with_credentials(provider).build().unwrap()
}

#[tokio::test]
async fn credentials_go_with_every_request_within_this_machine() {
    let server = server().await;
    let transport = transport(&server, Token::default());
    for _ in 0..2 {
        assert!(all(&transport).await.1.is_none());
    }
    let sent: Vec<_> =
        server.received().iter().map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [Some(TOKEN.to_owned()), Some(TOKEN.to_owned())]);
    assert!(!format!("{transport:?}").contains("canary"));
}

#[test]
fn plain_http_to_another_machine_with_credentials_is_not_built() {
    let build =
        |url: &str| HttpTransport::builder(url).unwrap().with_credentials(Token::default()).build();
    for url in ["http://example.com/mcp", "http://192.0.2.1/mcp", "http://localhost.example/mcp"] {
        let error = build(url).unwrap_err();
        assert_eq!(error.code(), "credentials_not_sent", "{url}");
        assert!(matches!(error, HttpTransportError::CredentialsNotSent { .. }));
        assert!(HttpTransport::new(url).is_ok(), "{url} without credentials");
    }
    for url in ["http://localhost:1/mcp", "http://127.0.0.1:1/mcp", "http://[::1]:1/mcp"] {
        assert!(build(url).is_ok(), "{url}");
    }
}

#[test]
fn tls_settings_that_would_do_nothing_are_an_error() {
    let tls = ClientTls::from_ca_pem(TestCa::new().pem().as_bytes()).unwrap();
    let built = HttpTransport::builder("http://127.0.0.1/mcp").unwrap().with_tls(tls).build();
    assert_eq!(built.unwrap_err().code(), "tls_not_used");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = server().await;
    let origin = Origin::parse("https://other.example").unwrap();
    for (fails, code) in [
        (CredentialError::Unavailable, "no_credentials"),
        (CredentialError::Insecure { origin: origin.clone() }, "credentials_not_sent"),
        (CredentialError::OtherOrigin { origin }, "credentials_not_sent"),
    ] {
        let transport = transport(&server, Token { fails: Some(fails), ..Token::default() });
        assert_eq!(all(&transport).await.1.unwrap().code(), code);
    }
    for header in ["host", "mcp-name", "content-type", "transfer-encoding"] {
        let transport = transport(&server, Token { header: Some(header), ..Token::default() });
        assert_eq!(all(&transport).await.1.unwrap().code(), "no_credentials", "{header}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn n9_a_response_belongs_to_the_credentials_that_were_sent() {
    let server = server().await;
    let provider = Token::default();
    let user = Arc::clone(&provider.user);
    let steady = transport(&server, provider);
    let stream = send(&steady).await.unwrap();
    user.store(9, Ordering::SeqCst);
    assert_eq!(stream.authn_context(), Some([0; 32]), "the ones it was sent with");
    assert_eq!(steady.authn_context(), Some([9; 32]), "the ones that would be sent now");
    let changing = transport(&server, Token { changes: true, ..Token::default() });
    let stream = send(&changing).await.unwrap();
    assert_eq!(stream.authn_context(), None, "they changed under way");
    let anonymous = HttpTransport::new(&server.url()).unwrap();
    assert_eq!(anonymous.authn_context(), Some([0; 32]));
}
