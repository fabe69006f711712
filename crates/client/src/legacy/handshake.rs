//! `initialize` and `notifications/initialized`: how a session begins, and begins anew.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use palisade_protocol::{
    ClientCapabilities, DiscoverResult, Eras, Implementation, ProtocolVersion, encode,
    legacy::{self, InitializeRequestParams, InitializeResult, method},
};
use palisade_transport::TransportError;
use serde_json::Map;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{Answering, Current, Listener, Listening, Session, Shared, Strays, Subscriptions};
use crate::{
    CallOptions, ClientError, InvalidResponse,
    engine::{CommonMeta, EncodedParams, Engine, Outgoing, Retry, printable_versions},
};

/// How many commands may wait for the listener.
const MAX_COMMANDS: usize = 64;

/// How long the first requests wait for the listener to be heard. What a server asks where nobody listens is
/// lost, and it waits for an answer; but some say nothing at all before they have something to say.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(1);

/// What this client says of itself when a session begins.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    versions: &'static [ProtocolVersion],
    info: Implementation,
    capabilities: ClientCapabilities,
}

impl Session {
    /// Begins a session, and the task that listens to the server. Returns what the server says of itself, in
    /// the words of the newest revision.
    pub(crate) async fn begin(
        engine: &Engine,
        handshake: Handshake,
    ) -> Result<(Self, DiscoverResult), ClientError> {
        let (version, server) = handshake.shake(engine).await?;
        let shared = Arc::new(Shared {
            transport: Arc::clone(&engine.transport),
            next_id: Arc::clone(&engine.next_id),
            current: Mutex::new(Current {
                version,
                capabilities: server.capabilities.clone(),
                number: 0,
                level: None,
            }),
            renewed: watch::Sender::new(0),
            listening: watch::Sender::new(Listening::Opening),
            answering: Answering::default(),
            subscriptions: Subscriptions::default(),
            strays: Strays::default(),
        });
        let (commands, queue) = mpsc::channel(MAX_COMMANDS);
        let listener = Listener::new(
            Arc::clone(&shared),
            engine.handlers.clone(),
            Arc::clone(&engine.cache),
            queue,
        );
        let listener = tokio::spawn(listener.run());
        let renewal = tokio::sync::Mutex::new(());
        let session = Self { shared, handshake, renewal, commands, listener };
        session.until_heard().await;
        Ok((session, server))
    }

    /// Waits until it is known whether the server can be heard, but not for long.
    async fn until_heard(&self) {
        let mut listening = self.shared.listening.subscribe();
        let heard = listening.wait_for(|state| *state != Listening::Opening);
        // Heard or not: the session can be used.
        let _ = timeout(LISTEN_TIMEOUT, heard).await;
    }

    /// Begins a new session in the place of the one with this number, unless somebody else has done so.
    pub(super) async fn renew(&self, engine: &Engine, number: u64) -> Result<(), ClientError> {
        let _one_at_a_time = self.renewal.lock().await;
        if self.shared.current().number != number {
            return Ok(());
        }
        tracing::debug!("the server has forgotten the session; a new one is begun");
        let (version, server) = self.handshake.shake(engine).await?;
        let number = number.wrapping_add(1);
        *self.shared.current() =
            Current { version, capabilities: server.capabilities, number, level: None };
        // The new session knows of none of them, and what happened in between is lost.
        self.shared.subscriptions.end_all();
        self.shared.listening.send_replace(Listening::Opening);
        self.shared.renewed.send_replace(number);
        self.until_heard().await;
        Ok(())
    }
}

impl Handshake {
    /// Both values in the words of the newest revision. Older ones must be told a name.
    pub(crate) fn new(
        eras: Eras,
        info: Option<Implementation>,
        mut capabilities: ClientCapabilities,
    ) -> Self {
        // There is a way to say so, and whoever needs it can.
        if let Some(roots) = &mut capabilities.roots {
            roots.extra.insert("listChanged".to_owned(), true.into());
        }
        let info = info.unwrap_or_else(|| Implementation::new("unknown", "0"));
        Self { versions: eras.versions(), info, capabilities }
    }

    async fn shake(
        &self,
        engine: &Engine,
    ) -> Result<(ProtocolVersion, DiscoverResult), ClientError> {
        let newest = self.versions.iter().copied().filter(|version| !version.is_modern()).max();
        let newest =
            newest.ok_or_else(|| ClientError::UnsupportedVersion { supported: Vec::new() })?;
        let params = InitializeRequestParams::new(newest, &self.capabilities, &self.info);
        let params = EncodedParams::new(&params)?;
        let request = Outgoing::new(method::INITIALIZE, &params);
        let mut options = CallOptions::new();
        let retry = Retry::default();
        let prepared = engine.prepare_in(newest, &CommonMeta::NONE, &request, &options, &retry)?;
        let answer = engine.converse(engine.start(prepared).await?, &mut options).await?;
        let result: InitializeResult = answer.decode(method::INITIALIZE)?;
        let version = ProtocolVersion::parse(&result.protocol_version)
            .filter(|version| !version.is_modern() && self.versions.contains(version));
        let Some(version) = version else {
            let supported = printable_versions([result.protocol_version]);
            return Err(ClientError::UnsupportedVersion { supported });
        };
        let initialized = encode::notification(method::NOTIFICATIONS_INITIALIZED, &Map::new())
            .map_err(|_| TransportError::InvalidRequest("it cannot be encoded"))?;
        engine.tell(initialized, version).await?;
        Ok((version, discovered(version, result)?))
    }
}

/// What a server said of itself, as if it had been discovered.
fn discovered(
    version: ProtocolVersion,
    result: InitializeResult,
) -> Result<DiscoverResult, ClientError> {
    let capabilities = legacy::server_capabilities_from(version, result.capabilities);
    let mut found = DiscoverResult::new([version.as_str()], capabilities);
    found.instructions = result.instructions;
    let info = palisade_protocol::Encoded::new(result.server_info)
        .map_err(|_| InvalidResponse::Result { method: method::INITIALIZE.into() })?;
    found.meta.server_info = Some(info);
    Ok(found)
}
