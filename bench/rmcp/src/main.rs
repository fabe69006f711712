//! rmcp as its users run it: over HTTP stateless, with JSON answers, on axum; or over stdio.

mod rebuilt;
mod shared;

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bench_common::{Options, announce};
use rmcp::{
    ServiceExt,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use tokio::net::TcpListener;

use crate::{rebuilt::Rebuilt, shared::Shared};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::from_args()?;
    if options.stdio {
        // One router for all calls: over stdio there is one session.
        let serving = Shared::new(options.tools).serve(rmcp::transport::stdio()).await?;
        serving.waiting().await?;
        return Ok(());
    }
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None);
    let sessions = Arc::new(NeverSessionManager::default());
    let tools = options.tools;
    let app = match options.router.as_deref() {
        None | Some("rebuilt") => Router::new().nest_service(
            "/mcp",
            StreamableHttpService::new(move || Ok(Rebuilt::new(tools)), sessions, config),
        ),
        Some("shared") => {
            let server = Shared::new(tools);
            Router::new().nest_service(
                "/mcp",
                StreamableHttpService::new(move || Ok(server.clone()), sessions, config),
            )
        }
        Some(other) => return Err(format!("there is no router `{other}`").into()),
    };
    let app = match options.security.token() {
        None => app,
        Some(token) => {
            let expected: Arc<str> = format!("Bearer {token}").into();
            app.layer(middleware::from_fn(move |request, next| {
                check(Arc::clone(&expected), request, next)
            }))
        }
    };
    let listener = TcpListener::bind(options.address()).await?;
    announce(listener.local_addr()?)?;
    axum::serve(axum::serve::ListenerExt::tap_io(listener, no_delay), app).await?;
    Ok(())
}

async fn check(expected: Arc<str>, request: Request, next: Next) -> Response {
    let credentials = request.headers().get(AUTHORIZATION);
    if credentials.is_some_and(|credentials| credentials.as_bytes() == expected.as_bytes()) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

fn no_delay(stream: &mut tokio::net::TcpStream) {
    // Without it the answers are late, not wrong.
    drop(stream.set_nodelay(true));
}
