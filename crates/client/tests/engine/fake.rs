//! A transport whose answers a script gives, and which remembers what it was asked.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use palisade_client::{Client, ClientBuilder, ClientError};
use palisade_protocol::ProtocolVersion;
use palisade_transport::{ClientTransport, MessageStream, OutboundRequest, TransportError};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep},
};

/// What a response stream does next.
pub(crate) enum Step {
    Message(Value),
    Text(&'static str),
    After(Duration),
    Fail(TransportError),
    /// Never goes on.
    Hang,
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) outbound: OutboundRequest,
}

impl Seen {
    pub(crate) fn id(&self) -> i64 {
        self.body["id"].as_i64().unwrap()
    }

    pub(crate) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap()
    }

    pub(crate) fn params(&self) -> &Value {
        &self.body["params"]
    }

    /// A response with this result.
    pub(crate) fn result(&self, result: Value) -> Step {
        Step::Message(json!({ "jsonrpc": "2.0", "id": self.id(), "result": result }))
    }

    /// A response with this error.
    pub(crate) fn error(&self, code: i32, data: Value) -> Step {
        let error = json!({ "code": code, "message": "scripted", "data": data });
        Step::Message(json!({ "jsonrpc": "2.0", "id": self.id(), "error": error }))
    }

    /// A notification that belongs to this request as a subscription.
    pub(crate) fn event(&self, method: &str, params: Value) -> Step {
        let mut params = params;
        params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": self.id() });
        Step::Message(json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }
}

pub(crate) fn notification(method: &str, params: Value) -> Step {
    Step::Message(json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// Where the script speaks on its own.
#[derive(Clone, Default)]
struct Voice {
    offered: bool,
    silent: bool,
    speaker: Option<mpsc::Sender<Value>>,
}

type Script = dyn Fn(&Seen) -> Vec<Step> + Send + Sync;

/// What the test keeps in hand.
#[derive(Clone, Default)]
pub(crate) struct Control {
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
    context: Arc<Mutex<[u8; 32]>>,
    sent: Arc<Mutex<Vec<(Value, ProtocolVersion)>>>,
    voice: Arc<Mutex<Voice>>,
    listened: Arc<AtomicUsize>,
    expired: Arc<AtomicUsize>,
    reluctance: Arc<Mutex<Duration>>,
}

impl Control {
    /// Takes this long to take what is no request.
    pub(crate) fn take_messages_in(&self, time: Duration) {
        *self.reluctance.lock().unwrap() = time;
    }

    /// Lets the client listen.
    pub(crate) fn with_voice(self) -> Self {
        self.voice.lock().unwrap().offered = true;
        self
    }

    /// Says something that belongs to no request.
    pub(crate) async fn say(&self, message: Value) {
        let speaker = self.voice.lock().unwrap().speaker.clone();
        speaker.expect("somebody listens").send(message).await.expect("and still does");
    }

    /// Whether it says nothing at all, not even that it can be listened to.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.voice.lock().unwrap().silent = silent;
    }

    /// Ends the stream of what belongs to no request.
    pub(crate) fn hang_up(&self) {
        self.voice.lock().unwrap().speaker = None;
    }

    /// How often the client has begun to listen.
    pub(crate) fn listened(&self) -> usize {
        self.listened.load(Ordering::SeqCst)
    }

    /// Whether nobody listens any more.
    pub(crate) async fn unheard(&self) {
        let speaker = self.voice.lock().unwrap().speaker.clone();
        speaker.expect("somebody listened").closed().await;
    }

    /// Forgets the session, and all but the last of so many that are begun in its place.
    pub(crate) fn expire(&self, sessions: usize) {
        self.expired.store(sessions, Ordering::SeqCst);
    }

    /// What was sent that is no request.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().iter().map(|(message, _)| message.clone()).collect()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The methods that were sent, in order.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.method().to_owned()).collect()
    }

    /// The number of response streams that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Changes the credentials.
    pub(crate) fn become_user(&self, user: u8) {
        *self.context.lock().unwrap() = [user; 32];
    }
}

pub(crate) struct Fake {
    script: Box<Script>,
    control: Control,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

#[async_trait]
impl ClientTransport for Fake {
    async fn request(
        &self,
        outbound: OutboundRequest,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        let text = String::from_utf8(outbound.body.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap();
        let seen = Seen { body, text, outbound };
        self.control.seen.lock().unwrap().push(seen.clone());
        if seen.method() == "initialize" {
            let less = |left: usize| left.checked_sub(1);
            // There may have been none to forget.
            let _ = self.control.expired.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        } else if self.control.expired.load(Ordering::SeqCst) > 0 {
            return Err(TransportError::SessionExpired);
        }
        let steps = (self.script)(&seen).into();
        self.control.open.fetch_add(1, Ordering::SeqCst);
        let context = *self.control.context.lock().unwrap();
        Ok(Box::new(Stream { steps, sleep: None, open: Arc::clone(&self.control.open), context }))
    }

    async fn send(&self, message: Bytes, version: ProtocolVersion) -> Result<(), TransportError> {
        assert!(!version.is_modern(), "the newest revision has no such messages");
        let reluctance = *self.control.reluctance.lock().unwrap();
        if !reluctance.is_zero() {
            sleep(reluctance).await;
        }
        let message = serde_json::from_slice(&message).unwrap();
        self.control.sent.lock().unwrap().push((message, version));
        Ok(())
    }

    async fn listen(
        &self,
        version: ProtocolVersion,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        assert!(!version.is_modern(), "the newest revision has no such stream");
        if self.control.voice.lock().unwrap().silent {
            std::future::pending::<()>().await;
        }
        let mut voice = self.control.voice.lock().unwrap();
        if !voice.offered {
            return Err(TransportError::NotOffered);
        }
        let (speaker, heard) = mpsc::channel(64);
        voice.speaker = Some(speaker);
        self.control.listened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Heard(heard)))
    }

    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(*self.control.context.lock().unwrap())
    }

    async fn close(&self) {}
}

/// What a client hears.
struct Heard(mpsc::Receiver<Value>);

impl MessageStream for Heard {
    fn authn_context(&self) -> Option<[u8; 32]> {
        None
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_recv(cx).map(|message| message.map(|message| Ok(message.to_string().into())))
    }
}

struct Stream {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    open: Arc<AtomicUsize>,
    context: [u8; 32],
}

impl MessageStream for Stream {
    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(self.context)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.sleep = None;
            }
            return Poll::Ready(match self.steps.pop_front() {
                None => None,
                Some(Step::Message(message)) => Some(Ok(message.to_string().into())),
                Some(Step::Text(text)) => Some(Ok(Bytes::from_static(text.as_bytes()))),
                Some(Step::Fail(error)) => Some(Err(error)),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::After(time)) => {
                    self.sleep = Some(Box::pin(sleep(time)));
                    continue;
                }
            });
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A client that has not sent anything yet, and the script's control.
pub(crate) async fn connect(
    builder: ClientBuilder,
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> (Client, Control) {
    let control = Control::default();
    let client = try_connect(builder.without_discovery(), &control, script).await;
    (client.unwrap(), control)
}

/// Connects as the builder says.
pub(crate) async fn try_connect(
    builder: ClientBuilder,
    control: &Control,
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> Result<Client, ClientError> {
    let fake = Fake { script: Box::new(script), control: control.clone() };
    builder.connect(fake).await
}

/// As [`connect`], with the default settings.
pub(crate) async fn client(
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> (Client, Control) {
    connect(Client::builder(), script).await
}
