//! Reading a request body within its limits.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use palisade_security::{Limits, RejectError};
use palisade_transport::pipeline::within;

use super::wake;

/// Reads a body. One that arrives in a single piece is not copied.
///
/// # Errors
///
/// `413` as soon as more than the limit has arrived, `408` when the time is up, `400` if the peer broke
/// off.
pub(super) async fn read<B: Body>(
    body: Pin<&mut B>,
    limits: &Limits,
) -> Result<Bytes, RejectError> {
    let collect = pin!(collect(body, limits.max_body_bytes()));
    within(limits.body_timeout(), collect).await.unwrap_or(Err(RejectError::BodyTimeout))
}

async fn collect<B: Body>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, RejectError> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut total: usize = 0;
    while let Some(frame) = poll_fn(|cx| wake::poll_frame(body.as_mut(), cx)).await {
        // Trailers carry nothing that anyone reads.
        let Ok(mut data) = frame.map_err(|_| RejectError::InvalidContentLength)?.into_data() else {
            continue;
        };
        total = total.saturating_add(data.remaining());
        if total > limit {
            return Err(RejectError::BodyTooLarge { limit });
        }
        let data = data.copy_to_bytes(data.remaining());
        match &mut rest {
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(total);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
            Some(joined) => joined.extend_from_slice(&data),
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}
