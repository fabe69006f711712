//! Certificates and revocation lists that end or are replaced while connections are open, and early data.

use std::{
    future::pending,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use palisade::{
    Context, RawArguments, SecurityConfig, Server, ToolRoute,
    auth::Mtls,
    http::{HttpServer, ServerHandle},
    security::{
        AllowedOrigins, ClientCertificates, Clock, Limits, ManualClock, Outcome, PemSource,
        ServerTls, UnixMillis,
        tls::{Reload, ServerTlsBuilder},
    },
};
use palisade_testkit::{
    RawPeer, RawRequest, TestCa,
    guard::PATIENCE,
    pki::{EarlyClient, TestCert},
    within,
};
use serde_json::json;

use crate::{
    mtls::{CLIENT, server_tls, text},
    support::{Audit, Runs, Target, add, call_add, rules},
};

const LONG: Duration = Duration::from_secs(3600);

/// A server that knows clients by their certificates, and the handle of it. No time limit but those of
/// certificates ever passes.
async fn start(
    ca: &TestCa,
    tls: ServerTlsBuilder,
    clock: impl Clock + Clone + 'static,
    identity: &TestCert,
) -> (Target, ServerHandle) {
    let limits = Limits::new()
        .with_header_timeout(LONG)
        .with_idle_timeout(LONG)
        .with_request_timeout(LONG)
        .with_handshake_timeout(LONG);
    let (runs, audit) = (Runs::default(), Arc::new(Audit::default()));
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Mtls::spiffe(["example.org".parse().unwrap()]))
        .with_tls(tls.with_clock(clock.clone()).build().unwrap())
        .with_clock(clock)
        .with_limits(limits)
        .with_audit(Arc::clone(&audit))
        .build()
        .unwrap();
    let server = Server::new("target", "1.0.0").with_tool(add(&runs)).with_tool(hang());
    let loopback = ([127, 0, 0, 1], 0).into();
    let http = HttpServer::bind(loopback, server.build().unwrap(), security).await.unwrap();
    let (address, handle) = (http.local_addr().unwrap(), http.handle());
    tokio::spawn(http.serve());
    let peer = RawPeer::new(address).with_tls(ca.client_config_with(identity));
    (Target { address, peer, audit, runs }, handle)
}

/// Says that it has begun, and never ends.
fn hang() -> ToolRoute {
    ToolRoute::dynamic(
        "hang",
        json!({"type": "object"}),
        |_: RawArguments, ctx: Context| async move {
            ctx.progress(1.0, None, None).await;
            pending::<String>().await
        },
    )
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn is_served(peer: &RawPeer) -> bool {
    within(PATIENCE, peer.send(&call_add())).await.is_ok_and(|response| response.status() == 200)
}

fn peer(target: &Target, ca: &TestCa, identity: &TestCert) -> RawPeer {
    RawPeer::new(target.address).with_tls(ca.client_config_with(identity))
}

/// A clock that shows a time of the test's choice, and runs.
#[derive(Debug)]
struct RunningClock {
    start: UnixMillis,
    since: Instant,
}

impl RunningClock {
    fn at(start: UnixMillis) -> Arc<Self> {
        Arc::new(Self { start, since: Instant::now() })
    }
}

impl Clock for RunningClock {
    fn now(&self) -> UnixMillis {
        self.start.saturating_add(self.since.elapsed())
    }
}

const NOW: u64 = 1_893_456_000;

#[tokio::test]
async fn m2_stale_revocation_list() {
    let ca = TestCa::new();
    let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(NOW)));
    let clients = ClientCertificates::required(text(&ca.pem()))
        .with_crls([text(&ca.crl_until(&[], NOW + 60))]);
    let tls = server_tls(&ca).with_client_certificates(clients);
    let (target, handle) = start(&ca, tls, Arc::clone(&clock), &ca.client(CLIENT)).await;
    target.check_healthy().await;

    clock.advance(Duration::from_secs(60));
    assert!(!is_served(&target.peer).await);
    let entries = target.audit.wait_for(1).await;
    let found: Vec<_> = entries.iter().map(|entry| (entry.outcome, &*entry.code)).collect();
    assert_eq!(found, [(Outcome::Denied, "stale_crl")]);
    assert_eq!(target.runs.count(), 0);
    // And it does not become current by being read again.
    assert_eq!(handle.reload_tls().unwrap_err().code(), "tls_crl_stale");
    assert!(!is_served(&target.peer).await);
}

#[tokio::test]
async fn m2_revoked_during_a_connection() {
    let (ca, crl) = (TestCa::new(), folder("revoked-live").join("clients.crl"));
    std::fs::write(&crl, ca.crl(&[])).unwrap();
    let (good, revoked) = (ca.client(CLIENT), ca.client(CLIENT));
    let clients = ClientCertificates::required(text(&ca.pem())).with_crls([PemSource::file(&crl)]);
    let tls = server_tls(&ca).with_client_certificates(clients);
    let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(NOW)));
    let (target, handle) = start(&ca, tls, clock, &good).await;
    let mut goes_on = target.connect().await;
    let mut ends = peer(&target, &ca, &revoked).connect().await.unwrap();
    for connection in [&mut goes_on, &mut ends] {
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200);
    }
    assert_eq!(handle.reload_tls(), Ok(Reload::Unchanged));

    std::fs::write(&crl, ca.crl(&[&revoked])).unwrap();
    assert_eq!(handle.reload_tls(), Ok(Reload::Replaced));
    assert_eq!(within(PATIENCE, ends.read_to_close()).await.unwrap(), b"");
    assert_eq!(goes_on.send(&call_add()).await.unwrap().status(), 200);
    target.runs.forget();
    target.audit.forget();
    assert!(!is_served(&peer(&target, &ca, &revoked)).await);
    target.check_trace(Outcome::Denied, "client_certificate_revoked", None).await;
}

#[tokio::test]
async fn m5_rotation_under_open_connections() {
    let (old, new) = (TestCa::new(), TestCa::new());
    let folder = folder("rotation");
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    let (first, second) = (old.server(), new.server());
    std::fs::write(&certificate, first.pem()).unwrap();
    std::fs::write(&key, first.key_pem()).unwrap();
    let tls = ServerTls::builder(PemSource::file(&certificate), PemSource::file(&key))
        .with_client_certificates(ClientCertificates::required(text(&old.pem())));
    let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(NOW)));
    let identity = old.client(CLIENT);
    let (target, handle) = start(&old, tls, clock, &identity).await;
    // Trusts the new server, and is a client of the old authority.
    let modern = RawPeer::new(target.address).with_tls(new.client_config_with(&identity));
    let mut open = target.connect().await;
    assert_eq!(open.send(&call_add()).await.unwrap().status(), 200);
    assert!(!is_served(&modern).await);

    // Half of the change is no change.
    std::fs::write(&certificate, second.pem()).unwrap();
    assert_eq!(handle.reload_tls().unwrap_err().code(), "tls_key_mismatch");
    assert!(is_served(&target.peer).await && !is_served(&modern).await);

    std::fs::write(&key, second.key_pem()).unwrap();
    assert_eq!(handle.reload_tls(), Ok(Reload::Replaced));
    assert!(is_served(&modern).await && !is_served(&target.peer).await);
    assert_eq!(open.send(&call_add()).await.unwrap().status(), 200, "an open connection goes on");
}

#[tokio::test]
async fn m5_expiry_during_a_connection() {
    let ca = TestCa::new();
    let life = Duration::from_secs(2);
    let end = UnixMillis::from_secs(NOW);
    let clock = RunningClock::at(UnixMillis::new(end.as_millis() - 2000));
    let started = Instant::now();
    let clients = ClientCertificates::required(text(&ca.pem()));
    let tls = server_tls(&ca).with_client_certificates(clients);
    let (short, long) = (ca.client_between(CLIENT, 0, NOW), ca.client(CLIENT));
    let (target, _handle) = start(&ca, tls, clock, &long).await;
    let short_lived = peer(&target, &ca, &short);

    let mut goes_on = target.connect().await;
    let mut idle = short_lived.connect().await.unwrap();
    for connection in [&mut goes_on, &mut idle] {
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200);
    }
    let mut streaming = short_lived.connect().await.unwrap();
    let hang = RawRequest::tools_call("hang", json!({})).with_meta("progressToken", json!(1));
    streaming.write_request(&hang).await.unwrap();
    assert_eq!(streaming.read_head().await.unwrap().status(), 200);
    assert!(streaming.next_piece().await.unwrap().is_some());
    assert!(started.elapsed() < life, "the machine is too slow for this test");

    within(PATIENCE, idle.read_to_close()).await.unwrap();
    within(PATIENCE, streaming.read_to_close()).await.unwrap();
    assert!(started.elapsed() >= life, "closed after {:?}", started.elapsed());
    assert_eq!(goes_on.send(&call_add()).await.unwrap().status(), 200);
    // Two calls at first, the one that was cut off, the last.
    let entries = target.audit.wait_for(4).await;
    let cut = entries.iter().filter(|entry| entry.outcome != Outcome::Allowed).count();
    assert_eq!((entries.len(), cut), (4, 1), "{entries:?}");

    target.runs.forget();
    target.audit.forget();
    assert!(!is_served(&short_lived).await);
    target.check_trace(Outcome::Denied, "client_certificate_expired", None).await;
}

#[tokio::test]
async fn m6_early_data() {
    let ca = TestCa::new();
    let identity = ca.client(CLIENT);
    let clients = || ClientCertificates::optional(text(&ca.pem()));
    for (mutual, config) in [(false, ca.client_config()), (true, ca.client_config_with(&identity))]
    {
        let tls = match mutual {
            false => server_tls(&ca),
            true => server_tls(&ca).with_client_certificates(clients()),
        };
        let rules = rules().with_tls(tls.build().unwrap());
        let mut target = Target::start_under(rules, |server, _| server).await;
        target.peer = target.peer.with_tls(ca.client_config());
        let client = EarlyClient::new(target.address, &config);
        for visit in 0..3 {
            let client = client.clone();
            let call = call_add().to_bytes("localhost");
            let visited = tokio::task::spawn_blocking(move || client.visit(&call, &call));
            let visited = within(PATIENCE, visited).await.unwrap().unwrap();
            // Sent by everybody who has a ticket; taken from nobody. With client certificates there are no
            // tickets: a session that goes on would not be asked for one.
            let returns = visit > 0 && !mutual;
            assert_eq!(
                (visited.sent, visited.accepted, visited.resumed),
                (returns, false, returns),
                "{visit} {mutual}"
            );
            assert_eq!(target.runs.count(), visit + 1, "only what came after the handshake");
            assert_eq!(target.audit.wait_for(visit + 1).await.len(), visit + 1);
        }
    }
}
