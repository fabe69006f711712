//! `palisade doctor` and `palisade call` against live servers: each way to fail, explained, and nothing of the
//! credentials shown.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    auth::Bearer,
    http::HttpServer,
    security::{
        AllowedHosts, AllowedOrigins, ServerSecurity, ServerTls,
        config::{Ready, ServerConfigBuilder, WantsTls},
    },
};
use palisade_testkit::{Canary, Received, Reply, ScriptedServer, TestCa, guard::PATIENCE, within};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, process::Command};

const PAGE: &str = "https://app.example.com";

fn authenticated(token: &Canary) -> ServerConfigBuilder<WantsTls> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only([PAGE]).unwrap())
        .with_authenticator(Bearer::tokens([token.secret()]))
}

fn open() -> ServerConfigBuilder<Ready> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
}

fn tls(cert: &palisade_testkit::pki::TestCert) -> ServerTls {
    ServerTls::from_pem(cert.pem().as_bytes(), cert.key_pem().as_bytes()).unwrap()
}

/// Serves a server with the tool `echo` until the test ends.
async fn serve(security: ServerSecurity) -> SocketAddr {
    let echo = ToolRoute::typed("echo", |arguments: Map<String, Value>, _: Context| {
        std::future::ready(Value::Object(arguments).to_string())
    });
    let server = Server::new("target", "1.0.0").with_tool(echo).build().unwrap();
    let http = HttpServer::bind(([127, 0, 0, 1], 0).into(), server, security).await.unwrap();
    let address = http.local_addr().unwrap();
    tokio::spawn(http.serve());
    address
}

/// How a run ended, and what it said to machines and to people.
struct Run {
    code: i32,
    json: Value,
    text: String,
}

impl Run {
    /// Class, severity and code of each finding.
    fn findings(&self) -> Vec<(&str, &str, &str)> {
        let findings = self.json["findings"].as_array().unwrap().iter();
        let field = |finding: &'_ Value, name: &str| finding[name].as_str().unwrap().to_owned();
        for finding in findings.clone() {
            let (code, fix) = (field(finding, "code"), field(finding, "fix"));
            assert!(!fix.is_empty() && self.text.contains(&code), "{finding} {}", self.text);
        }
        findings
            .map(|finding| {
                let field = |name: &str| finding[name].as_str().unwrap();
                (field("class"), field("severity"), field("code"))
            })
            .collect()
    }

    fn next(&self) -> Option<&str> {
        self.json["next"]["code"].as_str()
    }

    fn fact(&self, name: &str) -> Option<&str> {
        let facts = self.json["facts"].as_array()?;
        facts.iter().find(|fact| fact["name"] == name)?["value"].as_str()
    }
}

/// Runs the program twice, for machines and for people. The token is in its environment, and must not show.
async fn palisade(args: &[&str], token: &Canary) -> Run {
    let run = async |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.args(args).env("PALISADE_TEST_TOKEN", token.secret()).stdin(Stdio::null());
        let output = within(PATIENCE, command.output()).await.unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(token.find_in(&text), None, "the token shows");
        (output.status.code().unwrap(), text)
    };
    let (code, text) = run(args).await;
    let (same, json) = run(&[args, &["--json"]].concat()).await;
    assert_eq!(code, same, "{text}");
    Run { code, json: serde_json::from_str(&json).unwrap(), text }
}

const TOKEN: [&str; 2] = ["--token", "env:PALISADE_TEST_TOKEN"];

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_wrong_with_a_server_that_is_secured() {
    let (ca, token) = (TestCa::new(), Canary::new("token"));
    let address = serve(authenticated(&token).with_tls(tls(&ca.server())).build().unwrap()).await;
    let ca_file = write(&folder("doctor-healthy"), "ca.pem", &ca.pem());
    let url = format!("https://localhost:{}/mcp", address.port());
    let args = ["doctor", &url, "--ca", &ca_file, TOKEN[0], TOKEN[1], "--origin", PAGE];
    let run = palisade(&args, &token).await;
    assert_eq!((run.code, run.findings()), (0, vec![]), "{}", run.text);
    assert_eq!(run.next(), Some("check_file"));
    assert_eq!(
        run.fact("without credentials"),
        Some("http 401, missing_credentials, challenge Bearer")
    );
    assert_eq!(run.fact("with credentials"), Some("http 200"));
    assert_eq!(run.fact("from a foreign page"), Some("http 403, origin_not_allowed"));
    assert_eq!(run.fact("for a foreign host"), Some("http 403, host_not_allowed"));
    assert_eq!(run.fact("from the page"), Some("http 200"));
    assert_eq!(run.fact("tls"), Some("TLSv1_3"));
}

#[tokio::test]
async fn failure_class_connection() {
    let token = Canary::new("token");
    // Bound and let go: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let run = palisade(&["doctor", &format!("http://{free}/mcp")], &token).await;
    assert_eq!(
        (run.code, run.findings()),
        (3, vec![("connection", "error", "connection_refused")]),
        "{}",
        run.text
    );
    assert!(run.text.contains("start the server"), "{}", run.text);

    let run = palisade(&["doctor", "http://no-such-name.invalid/mcp"], &token).await;
    assert_eq!((run.code, run.findings()), (3, vec![("connection", "error", "name_not_resolved")]));

    let address = serve(open().build().unwrap()).await;
    let run = palisade(&["doctor", &format!("http://{address}/mpc")], &token).await;
    assert_eq!(run.code, 1);
    assert!(
        run.findings().contains(&("connection", "error", "endpoint_not_found")),
        "{}",
        run.text
    );
}

#[tokio::test]
async fn failure_class_tls() {
    let (ca, token) = (TestCa::new(), Canary::new("token"));
    let folder = folder("doctor-tls");
    let ca_file = write(&folder, "ca.pem", &ca.pem());
    let right = serve(authenticated(&token).with_tls(tls(&ca.server())).build().unwrap()).await;
    let plain = serve(open().build().unwrap()).await;
    let other = write(&folder, "other.pem", &TestCa::new().pem());
    let elsewhere = tls(&ca.server_for(&["elsewhere.example"]));
    let elsewhere = serve(authenticated(&token).with_tls(elsewhere).build().unwrap()).await;
    for (url, ca_file, code) in [
        (format!("https://{right}/mcp"), &other, "tls_unknown_authority"),
        (format!("https://127.0.0.2:{}/mcp", right.port()), &ca_file, "connection_refused"),
        (format!("https://{plain}/mcp"), &ca_file, "tls_not_spoken"),
        (format!("https://{elsewhere}/mcp"), &ca_file, "tls_wrong_name"),
    ] {
        let args = ["doctor", &url, "--ca", ca_file, TOKEN[0], TOKEN[1]];
        let run = palisade(&args, &token).await;
        assert_eq!(run.code, 3, "{}", run.text);
        let codes: Vec<_> = run.findings().iter().map(|(.., code)| *code).collect();
        assert_eq!(codes, [code], "{}", run.text);
    }
    let run = palisade(&["doctor", &format!("http://{right}/mcp")], &token).await;
    let codes: Vec<_> = run.findings().iter().map(|(.., code)| *code).collect();
    assert!(matches!(codes.as_slice(), ["tls_wanted" | "no_answer"]), "{}", run.text);
}

#[tokio::test]
async fn failure_class_authentication() {
    let (right, wrong) = (Canary::new("right"), Canary::new("wrong"));
    let address = serve(authenticated(&right).without_tls().build().unwrap()).await;
    let url = format!("http://{address}/mcp");
    let run = palisade(&["doctor", &url], &wrong).await;
    assert_eq!(run.code, 1);
    assert!(
        run.findings().contains(&("authentication", "error", "credentials_required")),
        "{}",
        run.text
    );
    let run = palisade(&["doctor", &url, TOKEN[0], TOKEN[1]], &wrong).await;
    assert_eq!(
        run.findings(),
        [("authentication", "error", "credentials_refused")],
        "{}",
        run.text
    );
    assert_eq!((run.code, run.next()), (1, Some("add_tls")));

    let open = serve(open().build().unwrap()).await;
    let run = palisade(&["doctor", &format!("http://{open}/mcp")], &wrong).await;
    assert_eq!(run.findings(), [("authentication", "warning", "unauthenticated")], "{}", run.text);
    assert_eq!((run.code, run.next()), (0, Some("add_authentication")));
}

#[tokio::test]
async fn failure_class_origin() {
    let token = Canary::new("token");
    let address = serve(authenticated(&token).without_tls().build().unwrap()).await;
    let url = format!("http://{address}/mcp");
    let page = ["--origin", "https://other.example.com"];
    let run = palisade(&["doctor", &url, TOKEN[0], TOKEN[1], page[0], page[1]], &token).await;
    assert_eq!(run.findings(), [("origin", "error", "origin_not_allowed")], "{}", run.text);
    assert!(run.text.contains("add \"https://other.example.com\" to `origins.allowed`"));
    assert_eq!(run.code, 1);

    // A server that checks neither pages nor its own name.
    let careless = palisade_testkit::ScriptedServer::start(|_| {
        palisade_testkit::Reply::json(
            200,
            &serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
        )
    })
    .await;
    let run = palisade(&["doctor", &careless.url()], &token).await;
    assert_eq!(
        run.findings(),
        [
            ("origin", "error", "foreign_origin_accepted"),
            ("origin", "error", "foreign_host_accepted"),
            ("authentication", "warning", "unauthenticated"),
        ],
        "{}",
        run.text
    );

    // The name in the url is not one that the server answers to.
    let hosts = AllowedHosts::only(["mcp.example.com"]).unwrap();
    let named = serve(open().with_allowed_hosts(hosts).build().unwrap()).await;
    let run = palisade(&["doctor", &format!("http://{named}/mcp")], &token).await;
    assert_eq!(run.findings(), [("origin", "error", "host_not_allowed")], "{}", run.text);
}

#[tokio::test]
async fn credentials_do_not_leave_the_machine_in_the_clear() {
    let token = Canary::new("token");
    let url = "http://mcp.invalid/mcp";
    for args in
        [&["doctor", url, TOKEN[0], TOKEN[1]][..], &["call", url, "echo", "{}", TOKEN[0], TOKEN[1]]]
    {
        let run = palisade(args, &token).await;
        assert_eq!(run.code, 1, "{}", run.text);
        assert!(run.text.contains("credentials_not_sent"), "{}", run.text);
    }
    // A token on the command line is refused: every user of the machine can see it.
    let run =
        palisade(&["doctor", "http://localhost:1/mcp", "--token", "x7VtE2zR9wLx4KpN8sYc"], &token)
            .await;
    assert_eq!(run.code, 1);
    assert!(run.text.contains("inline_secret") && !run.text.contains("x7Vt"), "{}", run.text);
}

#[tokio::test]
async fn tools_are_called() {
    let token = Canary::new("token");
    let address = serve(authenticated(&token).without_tls().build().unwrap()).await;
    let url = format!("http://{address}/mcp");
    let arguments = r#"{"a":1}"#;
    let run = palisade(&["call", &url, "echo", arguments, TOKEN[0], TOKEN[1]], &token).await;
    assert_eq!((run.code, run.text.as_str()), (0, "{\"a\":1}\n"));
    assert_eq!(run.json["ok"], true);
    let run = palisade(&["call", &url, "echo", arguments], &token).await;
    assert_eq!(run.code, 1);
    assert!(run.text.starts_with("error[unauthorized]"), "{}", run.text);
    let run = palisade(&["call", &url, "ehco", arguments, TOKEN[0], TOKEN[1]], &token).await;
    assert_eq!(run.code, 1, "{}", run.text);

    // A client's file says it all.
    let text = format!(
        "url = \"{url}\"\n[credentials]\nkind = \"bearer\"\ntoken = \"env:PALISADE_TEST_TOKEN\"\n"
    );
    let file = write(&folder("doctor-call"), "client.toml", &text);
    let run = palisade(&["call", &file, "echo", arguments], &token).await;
    assert_eq!((run.code, run.text.as_str()), (0, "{\"a\":1}\n"));
    let run = palisade(&["doctor", &file], &token).await;
    assert_eq!((run.code, run.findings()), (0, vec![]), "{}", run.text);
}

/// A server as there were before 2026-07-28.
fn older(received: &Received) -> Reply {
    match received.rpc_method().as_str() {
        "initialize" => Reply::result(
            received,
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "old", "version": "1" }
            }),
        ),
        "notifications/initialized" => Reply::with_content(202, "text/plain", ""),
        "tools/call" => {
            Reply::result(received, json!({ "content": [{ "type": "text", "text": "called" }] }))
        }
        _ if received.method == "GET" => Reply::with_content(405, "text/plain", ""),
        _ => Reply::error(received, 400, -32600, "not initialized"),
    }
}

#[tokio::test]
async fn tools_of_older_servers_are_called_unless_nobody_wants_to() {
    let token = Canary::new("token");
    let server = ScriptedServer::start(older).await;
    let url = server.url();
    for (eras, code) in [(None, 0), (Some("both"), 0), (Some("legacy"), 0), (Some("modern"), 1)] {
        let mut args = vec!["call", &url, "echo", "{}"];
        args.extend(eras.map(|eras| ["--eras", eras]).iter().flatten());
        let run = palisade(&args, &token).await;
        assert_eq!(run.code, code, "{eras:?}: {}", run.text);
        assert_eq!(run.text == "called\n", code == 0, "{eras:?}: {}", run.text);
    }
    let run = palisade(&["call", &url, "echo", "{}", "--eras", "other"], &token).await;
    assert_eq!(run.code, 1, "{}", run.text);
    assert_eq!(run.json["findings"][0]["path"], "eras", "{}", run.json);

    let text = format!("url = \"{url}\"\neras = \"modern\"\n");
    let file = write(&folder("doctor-eras"), "client.toml", &text);
    assert_eq!(palisade(&["call", &file, "echo", "{}"], &token).await.code, 1);
}

#[tokio::test]
async fn files_of_servers_are_explained_and_lead_to_the_next_step() {
    let token = Canary::new("token");
    let folder = folder("doctor-files");
    let authentication = "[[authentication]]\nkind = \"bearer\"\n\
                          tokens = [{ subject = \"alice\", secret = \"env:PALISADE_TEST_TOKEN\" }]\n";
    let (origins, open) =
        ("[origins]\nallowed = []\n", "[dangerous]\nwithout_authentication = true\n");
    for (text, code, next) in [
        (origins.to_owned(), 1, None),
        (format!("{origins}{open}"), 0, Some("add_authentication")),
        (format!("{origins}{authentication}"), 0, Some("add_tls")),
    ] {
        let file = write(&folder, "security.toml", &text);
        let run = palisade(&["doctor", &file], &token).await;
        assert_eq!((run.code, run.next()), (code, next), "{}", run.text);
    }
}
