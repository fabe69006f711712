//! Batches of a server: revision 2025-03-26 alone lets it send several messages as one array.

use std::collections::VecDeque;

use bytes::Bytes;
use palisade_protocol::{DecodeLimits, ProtocolVersion, legacy};
use palisade_transport::TransportError;

/// The messages in what came: one, or those of a batch. The engine decodes each on its own.
pub(super) fn split(
    version: ProtocolVersion,
    received: Bytes,
) -> Result<VecDeque<Bytes>, TransportError> {
    if version != ProtocolVersion::V2025_03_26 {
        return Ok(VecDeque::from([received]));
    }
    match legacy::batch(&received, &DecodeLimits::default()) {
        None => Ok(VecDeque::from([received])),
        Some(Ok(messages)) => {
            let slice = |message: &serde_json::value::RawValue| {
                received.slice_ref(message.get().as_bytes())
            };
            Ok(messages.into_iter().map(slice).collect())
        }
        Some(Err(_)) => Err(TransportError::InvalidResponse("its batch is not one")),
    }
}
