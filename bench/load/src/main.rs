//! A load generator for machines without `wrk`: a fixed request, over and over, on each of a fixed
//! number of kept connections. Prints `result REQUESTS MICROSECONDS P50 P99 ERRORS`.

use std::{
    error::Error,
    io::Write,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{HOST, HeaderMap, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What to send where, and for how long.
#[derive(Clone, Debug)]
struct Plan {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    connections: usize,
    time: Duration,
}

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<Duration>,
    errors: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let plan = parse(std::env::args().skip(1))?;
    let start = Instant::now();
    let end = start + plan.time;
    let mut connections = JoinSet::new();
    for _ in 0..plan.connections {
        connections.spawn(load(plan.clone(), end));
    }
    let mut all = Seen::default();
    while let Some(seen) = connections.join_next().await {
        let seen = seen??;
        all.latencies.extend(seen.latencies);
        all.errors += seen.errors;
    }
    let took = start.elapsed();
    all.latencies.sort_unstable();
    writeln!(
        std::io::stdout(),
        "result {} {} {:.3} {:.3} {}",
        all.latencies.len(),
        took.as_micros(),
        percentile(&all.latencies, 50),
        percentile(&all.latencies, 99),
        all.errors
    )?;
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Plan> {
    let mut plan = Plan {
        uri: Uri::default(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        connections: 1,
        time: Duration::from_secs(1),
    };
    while let Some(name) = args.next() {
        if let Some(header) = name.strip_prefix("--header=") {
            let (name, value) = header.split_once(": ").ok_or("a header is `name: value`")?;
            plan.headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
            continue;
        }
        let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--url" => plan.uri = value.parse()?,
            "--body" => plan.body = value.into(),
            "--connections" => plan.connections = value.parse()?,
            "--seconds" => plan.time = Duration::from_secs(value.parse()?),
            _ => return Err(format!("unknown option `{name}`").into()),
        }
    }
    let authority = plan.uri.authority().ok_or("`--url` names no host")?;
    plan.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    Ok(plan)
}

/// Sends on one connection until the end.
async fn load(plan: Plan, end: Instant) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut sender = connect(&plan.uri).await?;
    while Instant::now() < end {
        let start = Instant::now();
        match send(&mut sender, &plan).await {
            Ok(StatusCode::OK) => {}
            Ok(_) => seen.errors += 1,
            Err(_) => {
                seen.errors += 1;
                sender = connect(&plan.uri).await?;
            }
        }
        seen.latencies.push(start.elapsed());
    }
    Ok(seen)
}

async fn connect(uri: &Uri) -> Result<SendRequest<Full<Bytes>>> {
    let authority = uri.authority().ok_or("the URL names no host")?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, plan: &Plan) -> Result<StatusCode> {
    let path = plan.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Full::new(plan.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse()?;
    *request.headers_mut() = plan.headers.clone();
    sender.ready().await?;
    let mut response = sender.send_request(request).await?;
    while let Some(frame) = response.body_mut().frame().await {
        drop(frame?);
    }
    Ok(response.status())
}

/// The latency, in microseconds, that `percent` of the sorted ones do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::{parse, percentile};
    use std::time::Duration;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert!((percentile(&sorted, 50) - 100.0).abs() < 1e-6);
        assert!((percentile(&sorted, 99) - 198.0).abs() < 1e-6);
        assert!(percentile(&[], 50).abs() < 1e-6);
    }

    #[test]
    fn a_plan_needs_a_host_and_known_options() {
        let plan = |text: &str| parse(text.split('|').map(str::to_owned));
        let good = plan("--url|http://127.0.0.1:80/mcp|--header=Accept: text/plain|--seconds|2");
        assert_eq!(good.map(|plan| plan.headers.len()).ok(), Some(2));
        assert!(plan("--url|/mcp").is_err());
        assert!(plan("--urls|http://127.0.0.1/").is_err());
    }
}
