//! Bare hyper that decodes the envelope and answers `add`: no protocol stack can be faster than
//! this, so it is what palisade is measured against.

use std::{convert::Infallible, error::Error, sync::Arc};

use bench_common::{Options, announce};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

/// The JSON-RPC envelope, borrowed, with the parameters left raw.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: &'a str,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    method: &'a str,
    #[serde(borrow)]
    params: &'a RawValue,
}

/// As much of the parameters as the answer needs.
#[derive(Deserialize)]
struct Call {
    arguments: Add,
}

#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::from_args()?;
    let expected = options.security.token().map(|token| format!("Bearer {token}"));
    let expected: Arc<Option<String>> = Arc::new(expected);
    let listener = TcpListener::bind(options.address()).await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let expected = Arc::clone(&expected);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, expected.as_deref()));
            // A caller that hangs up is none of the server's business.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    expected: Option<&str>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let credentials = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if expected.is_some_and(|expected| credentials != Some(expected.as_bytes())) {
        return Ok(empty(StatusCode::UNAUTHORIZED));
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(empty(StatusCode::BAD_REQUEST));
    };
    let Some(json) = call(&body.to_bytes()) else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    let mut response = Response::new(Full::new(Bytes::from(json)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn call(body: &[u8]) -> Option<String> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    if envelope.jsonrpc != "2.0" || envelope.method != "tools/call" {
        return None;
    }
    let call: Call = serde_json::from_str(envelope.params.get()).ok()?;
    let sum = call.arguments.a.checked_add(call.arguments.b)?;
    Some(format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete","content":[{{"type":"text","text":"{sum}"}}]}}}}"#,
        envelope.id.get()
    ))
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
