//! A canary secret in everything that can hold one, and a search for it in everything that can be shown.
#![cfg(feature = "bearer")]

use http::{HeaderMap, header::AUTHORIZATION};
use palisade_auth::{Bearer, BearerToken, bearer::TokenEntry};
use palisade_security::{
    AllowedOrigins, Authenticator, CredentialProvider, Credentials, Origin, PeerInfo, RejectError,
    Sealer, Secret, SecurityConfig,
};

const CANARY: &str = "cAn4rY-q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";

#[track_caller]
fn check(shown: &str) {
    assert!(!shown.to_lowercase().contains("can4ry"), "{shown}");
    assert!(!shown.contains("q7VtE2zR9wLx"), "{shown}");
}

#[tokio::test]
async fn l1_canary_secret_is_never_shown() {
    check(&format!("{:?} {:#?}", Secret::new(CANARY), Secret::new(CANARY)));

    let entry = TokenEntry::new("alice", CANARY);
    check(&format!("{entry:#?}"));
    let bearer = Bearer::entries([entry.clone(), entry]);
    check(&format!("{bearer:#?}"));
    let findings = bearer.findings();
    assert!(!findings.is_empty());
    check(&format!("{findings:#?} {}", findings[0]));

    let origin = Origin::parse("https://a.example").unwrap();
    let token = BearerToken::new(origin.clone(), CANARY).unwrap();
    let mut headers = HeaderMap::new();
    token.apply(&origin, &mut headers).await.unwrap();
    assert!(headers[AUTHORIZATION].to_str().unwrap().contains(CANARY), "the canary is there");
    check(&format!("{token:#?} {headers:#?}"));
    let other =
        token.apply(&Origin::parse("https://b.example").unwrap(), &mut headers).await.unwrap_err();
    check(&format!("{other} {other:?}"));
    let malformed = BearerToken::new(origin, format!("{CANARY}\n")).unwrap_err();
    check(&format!("{malformed} {malformed:?}"));

    let sealer = Sealer::from_keys([CANARY]).unwrap();
    check(&format!("{sealer:#?}"));
    let weak = Sealer::from_keys([CANARY, "cAn4rY"]).unwrap_err();
    check(&format!("{weak} {weak:?}"));

    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::tokens(["Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l"]))
        .without_tls()
        .with_sealer(sealer)
        .build()
        .unwrap();
    let shown = format!("{security:#?}");
    check(&shown);
    assert!(!shown.contains("Zk6W"), "{shown}");

    // Refused, and still not shown.
    let peer = PeerInfo::in_process();
    let query = format!("access_token={CANARY}");
    for query in [None, Some(query.as_str())] {
        let credentials = Credentials::new(&headers, &peer).with_query(query);
        let refused: RejectError = security.authenticate(&credentials).await.unwrap_err();
        check(&format!("{refused} {refused:?}"));
        let RejectError::Unauthenticated(error) = refused else { panic!("{refused:?}") };
        check(security.challenge(&error).unwrap().to_str().unwrap());
    }

    let weak = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::tokens([CANARY, CANARY]))
        .without_tls()
        .build()
        .unwrap_err();
    check(&format!("{weak} {weak:?}"));
}
