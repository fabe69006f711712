//! palisade as its users run it: guard, authentication, policy and audit in place, on plain loopback
//! HTTP so that what is compared is not the cipher.

use std::error::Error;

use bench_common::{Options, Security, announce};
use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    http::HttpServer,
    security::{
        AllowedOrigins, Limits, Rate, RateLimits, Role, Rule, RulePolicy, ServerSecurity,
        SessionLimits,
        audit::{FailMode, JsonLinesAudit},
    },
    stdio::StdioServer,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The arguments of `add`.
#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::from_args()?;
    let server = (1..options.tools)
        .map(|at| adder(&format!("filler_{at}")))
        .fold(Server::new("bench", "1.0.0").with_tool(adder("add")), |server, tool| {
            server.with_tool(tool)
        })
        .build()?;
    if options.stdio {
        return Ok(StdioServer::new(server, SecurityConfig::stdio().build()?)
            .serve_stdio()
            .await?);
    }
    let limits = limits(options.sessions);
    let security = security(&options.security, limits)?;
    let mut http = HttpServer::bind(options.address(), server, security).await?;
    if options.sessions > 0 {
        http = http.with_streamed_responses();
    }
    announce(http.local_addr()?)?;
    http.serve().await;
    Ok(())
}

fn adder(name: &str) -> ToolRoute {
    ToolRoute::typed(
        name,
        |Add { a, b }: Add, _: Context| async move { a.wrapping_add(b).to_string() },
    )
    .with_description("Adds two numbers.")
}

/// The defaults, with room for so many clients of older revisions that all come from here.
fn limits(sessions: usize) -> Limits {
    let limits = Limits::new();
    if sessions == 0 {
        return limits;
    }
    let each = SessionLimits::new().with_max_sessions(sessions).with_max_per_principal(sessions);
    limits
        .with_sessions(each)
        .with_max_connections(sessions)
        .with_max_connections_per_address(sessions)
        .with_max_in_flight(sessions)
        .with_max_in_flight_per_principal(sessions)
        .with_max_subscriptions_per_principal(sessions)
}

fn security(
    wanted: &Security,
    limits: Limits,
) -> Result<ServerSecurity, Box<dyn Error + Send + Sync>> {
    let config = SecurityConfig::server().with_allowed_origins(AllowedOrigins::none());
    let Some(token) = wanted.token() else {
        return Ok(config
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_limits(limits)
            .build()?);
    };
    // Whoever measures may choose any token, a weak one too.
    let bearer = Bearer::dangerous().weak_tokens([TokenEntry::new("bench", token)]);
    let config = config.with_authenticator(bearer).without_tls().with_limits(limits);
    let Security::Full { audit, .. } = wanted else { return Ok(config.build()?) };
    Ok(config
        .with_policy(hundred_rules())
        .with_rate_limits(never_reached())
        .with_audit(JsonLinesAudit::options(FailMode::Closed).open(audit)?)
        .build()?)
}

/// What a team might have: rules by role for many tools, one of them for the caller.
fn hundred_rules() -> RulePolicy {
    let mine = Rule::allow()
        .with_roles([Role::new("benchmarks").with_subjects(["bench"])])
        .with_methods(["server/discover", "tools/list"])
        .with_tools(["add"]);
    (1..100).fold(RulePolicy::new().with_rule(mine), |policy, at| {
        let team = Role::new(format!("team {at}")).with_subjects([format!("member-{at}").as_str()]);
        let tool = format!("tool_{at}");
        policy.with_rule(Rule::allow().with_roles([team]).with_tools([tool.as_str()]))
    })
}

/// Rates for everything that can have one, above what any machine can do.
fn never_reached() -> RateLimits {
    let rate = Rate::per_second(100_000_000);
    RateLimits::new().with_per_address(rate).with_per_principal(rate).with_tool("add", rate)
}
