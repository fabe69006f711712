//! What the server says it is, and which revision is spoken with it.

use std::{sync::Arc, time::Duration};

use palisade_protocol::{DiscoverResult, ProtocolVersion, method};

use super::Client;
use crate::{
    CallOptions, ClientError,
    engine::{EncodedParams, Outgoing, printable_versions},
};

impl Client {
    /// What the server said it is when it was first asked; `None` before that.
    #[must_use]
    pub fn server(&self) -> Option<&DiscoverResult> {
        self.engine.server.get().map(AsRef::as_ref)
    }

    /// The revision that is spoken with the server.
    #[must_use]
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.engine.session.get().map_or(crate::engine::VERSION, |session| session.version())
    }

    /// Asks the server for its versions, capabilities and instructions. Cached as long as it allows. Servers
    /// up to 2025-11-25 say it once, when the session begins.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; [`ClientError::UnsupportedVersion`] if the server does not list 2026-07-28.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Discovery.
    pub async fn discover(&self) -> Result<DiscoverResult, ClientError> {
        if self.engine.session.get().is_some()
            && let Some(server) = self.server()
        {
            return Ok(server.clone());
        }
        self.discover_with(CallOptions::new()).await
    }

    /// The same within this time.
    pub(crate) async fn discover_within(
        &self,
        timeout: Duration,
    ) -> Result<DiscoverResult, ClientError> {
        let options = CallOptions::new().with_timeout(timeout).with_max_time(timeout);
        self.discover_with(options).await
    }

    async fn discover_with(&self, mut options: CallOptions) -> Result<DiscoverResult, ClientError> {
        let params = EncodedParams::new(&serde_json::Map::new())?;
        let request = Outgoing::new(method::SERVER_DISCOVER, &params);
        let answer = self.engine.cached(&request, &mut options).await?;
        let found: DiscoverResult = answer.decode(request.method)?;
        if !found
            .supported_versions
            .iter()
            .any(|version| version == crate::engine::VERSION.as_str())
        {
            let supported = printable_versions(found.supported_versions);
            return Err(ClientError::UnsupportedVersion { supported });
        }
        // Only the first answer is kept here; whoever needs the newest has it in hand.
        let _ = self.engine.server.set(Arc::new(found.clone()));
        Ok(found)
    }
}
