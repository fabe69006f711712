//! HTTP+SSE, the transport of revision 2024-11-05: one stream for everything that a server says, and a POST
//! for everything that a client does. Deprecated, and only tried where nothing else answers.

mod routes;

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode};
use palisade_protocol::{DecodeLimits, Message};
use palisade_transport::{MessageStream, TransportError};
use tokio::task::AbortHandle;

use self::routes::Routes;
use super::{
    Core,
    receive::Received,
    session::{self, CancelOnDrop},
    stream::EventStream,
};
use crate::Endpoint;

/// How long the server has to name the endpoint for messages: it is the first thing that it says.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of this transport. Its reader ends with it.
pub(super) struct LegacySse {
    /// Where messages go: always on the origin of the stream, for the credentials go there too.
    messages: Endpoint,
    routes: Arc<Routes>,
    context: Option<[u8; 32]>,
    reader: AbortHandle,
}

impl LegacySse {
    /// Opens the stream, and waits for the endpoint.
    ///
    /// # Specification
    ///
    /// MCP 2024-11-05, Transports, "HTTP with SSE".
    pub(super) async fn open(core: &Arc<Core>) -> Result<Arc<Self>, TransportError> {
        let headers = session::listening(core);
        let (response, context) = core.send(Method::GET, headers, Bytes::new()).await?;
        if response.status() != StatusCode::OK {
            return Err(TransportError::NotOffered);
        }
        let Received::Events(mut events) = core.receive(response, context).await? else {
            return Err(TransportError::NotOffered);
        };
        let messages = tokio::time::timeout(ENDPOINT_TIMEOUT, endpoint(core, &mut events));
        let messages = messages.await.map_err(|_| TransportError::NotOffered)??;
        let routes = Arc::new(Routes::new(core.max_message_bytes));
        let reader = tokio::spawn(read(*events, Arc::clone(&routes))).abort_handle();
        Ok(Arc::new(Self { messages, routes, context, reader }))
    }

    /// Sends a request; its answer comes on the stream.
    pub(super) async fn request(
        self: &Arc<Self>,
        core: &Core,
        body: Bytes,
        mut cancel: CancelOnDrop,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        let Ok(Message::Request(request)) =
            Message::decode(&body, &DecodeLimits::with_depth(usize::MAX))
        else {
            cancel.disarm();
            return Err(TransportError::InvalidRequest("it is no request"));
        };
        let id = request.id;
        let answers = Routes::expect(&self.routes, id, self.context, cancel);
        let mut answers = answers.ok_or(TransportError::SessionExpired)?;
        if let Err(error) = self.send(core, body).await {
            answers.disarm();
            return Err(error);
        }
        Ok(Box::new(answers))
    }

    /// Sends a message that is no request.
    pub(super) async fn send(&self, core: &Core, message: Bytes) -> Result<(), TransportError> {
        let headers = core.headers.clone();
        let uri = self.messages.uri();
        let (response, context) = core.send_to(uri, Method::POST, headers, message).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(TransportError::SessionExpired);
        }
        session::taken(core, response, context).await
    }

    /// What belongs to no request.
    pub(super) fn listen(&self) -> Result<Box<dyn MessageStream>, TransportError> {
        Ok(Box::new(self.routes.listen().ok_or(TransportError::SessionExpired)?))
    }
}

impl Drop for LegacySse {
    fn drop(&mut self) {
        self.reader.abort();
        // The reader no longer gets to say so.
        self.routes.end();
    }
}

/// Where messages go, as the first event says.
async fn endpoint(core: &Core, events: &mut EventStream) -> Result<Endpoint, TransportError> {
    let invalid = TransportError::InvalidResponse("it names no endpoint of its origin");
    let first = poll_fn(|cx| events.poll_event(cx)).await.ok_or(TransportError::NotOffered)??;
    if first.event.as_deref() != Some("endpoint") {
        return Err(TransportError::NotOffered);
    }
    let reference = std::str::from_utf8(&first.data).map_err(|_| invalid.clone())?;
    core.endpoint.resolve(reference).ok_or(invalid)
}

/// Hands out what comes until nothing does.
async fn read(mut events: EventStream, routes: Arc<Routes>) {
    while let Some(Ok(message)) = poll_fn(|cx| std::pin::Pin::new(&mut events).poll_next(cx)).await
    {
        routes.deliver(message);
    }
    routes.end();
}
