//! HTTP/2 frames, read along: how many carry nothing of a request.

use std::time::{Duration, Instant};

/// What follows the first line of the preface.
const PREFACE_REST: u32 = 8;
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;

/// The time in which a spent budget comes back.
const REFILL: Duration = Duration::from_secs(10);
/// What a request may bring with it, such as a window for its answer.
const PER_REQUEST: usize = 4;
/// For so many bytes of answers a peer may send a frame, which opens its window.
const PER_BYTES: usize = 256;

/// Counts frames against a budget. A request gives some back, and so do the bytes of an answer; a request
/// that is reset costs more than it gave.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes that belong to no frame header.
    skip: u32,
    header: [u8; HEADER],
    have: usize,
    most: usize,
    budget: usize,
    /// Since when the budget is spent; looked at when it is empty.
    since: Instant,
    written: usize,
}

impl Frames {
    pub(super) fn new(most: usize) -> Self {
        Self {
            skip: PREFACE_REST,
            header: [0; HEADER],
            have: 0,
            most,
            budget: most,
            since: Instant::now(),
            written: 0,
        }
    }

    pub(super) fn note_written(&mut self, bytes: usize) {
        let bytes = self.written.saturating_add(bytes);
        self.written = bytes % PER_BYTES;
        self.refund(bytes / PER_BYTES);
    }

    /// Looks at what was read. If it is too much, spoils the frame that made it so, and says so.
    pub(super) fn look(&mut self, bytes: &mut [u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            if self.skip > 0 {
                let left = bytes.len() - at;
                let taken = usize::try_from(self.skip).unwrap_or(usize::MAX).min(left);
                self.skip -= u32::try_from(taken).unwrap_or(self.skip);
                at += taken;
                continue;
            }
            if let (Some(byte), Some(place)) = (bytes.get(at), self.header.get_mut(self.have)) {
                *place = *byte;
            }
            self.have += 1;
            at += 1;
            if self.have < HEADER {
                continue;
            }
            self.have = 0;
            let [l0, l1, l2, kind, flags, ..] = self.header;
            self.skip = u32::from_be_bytes([0, l0, l1, l2]);
            if !self.afford(kind, flags) && spoil(bytes, at) {
                return true;
            }
        }
        false
    }

    fn afford(&mut self, kind: u8, flags: u8) -> bool {
        let ends_stream = flags & 1 != 0;
        let cost = match kind {
            HEADERS => {
                self.refund(PER_REQUEST);
                return true;
            }
            DATA if self.skip > 0 || ends_stream => return true,
            RST_STREAM => PER_REQUEST + 1,
            _ => 1,
        };
        if self.budget < cost && self.since.elapsed() >= REFILL {
            self.budget = self.most;
            self.since = Instant::now();
        }
        let affordable = self.budget >= cost;
        self.budget = self.budget.saturating_sub(cost);
        affordable
    }

    fn refund(&mut self, frames: usize) {
        self.budget = self.budget.saturating_add(frames).min(self.most);
    }
}

/// Makes a PING of the frame whose header ends here, and one of a stream, which no PING has: the end of the
/// connection, and GOAWAY. Not if the header began earlier, but then the next one will do.
fn spoil(bytes: &mut [u8], end: usize) -> bool {
    let Some(header) = end.checked_sub(HEADER).and_then(|start| bytes.get_mut(start..end)) else {
        return false;
    };
    if let [_, _, _, kind, _, _, _, _, id] = header {
        (*kind, *id) = (PING, *id | 1);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// After how many of these, in pieces of this size, the peer is stopped.
    fn stopped(parts: &[Vec<u8>], repeat: usize, size: usize) -> Option<usize> {
        let mut frames = Frames::new(10);
        assert!(!frames.look(&mut b"\r\nSM\r\n\r\n".to_owned()));
        for count in 0..repeat {
            let mut bytes = parts.concat();
            if bytes.chunks_mut(size).any(|piece| frames.look(piece)) {
                return Some(count);
            }
        }
        None
    }

    #[test]
    fn h17_frames_of_no_request_are_counted() {
        for (kind, payload) in
            [(6, &[0; 8][..]), (4, &[]), (2, &[0; 5]), (8, &[0; 4]), (0, &[]), (9, &[])]
        {
            let flood = [frame(kind, 0, 0, payload)];
            assert_eq!(stopped(&flood, 100, 1000), Some(10), "kind {kind}");
            assert_eq!(stopped(&flood, 100, 9), Some(10), "kind {kind}");
        }
        // A request resets what it cost, unless it is taken back.
        let request = frame(HEADERS, 5, 1, &[0x82]);
        let window = frame(8, 0, 0, &[0; 4]);
        assert_eq!(stopped(&[request.clone(), window.clone(), window], 100, 50), None);
        assert_eq!(stopped(&[request, frame(RST_STREAM, 0, 1, &[0; 4])], 100, 1000), Some(6));
        assert_eq!(stopped(&[frame(DATA, 0, 1, b"x")], 100, 1000), None, "bodies are not counted");
    }

    #[test]
    fn answers_earn_windows() {
        let mut frames = Frames::new(2);
        frames.skip = 0;
        for _ in 0..100 {
            frames.note_written(128);
            frames.note_written(128);
            assert!(!frames.look(&mut frame(8, 0, 0, &[0; 4])));
        }
        assert!(!frames.look(&mut frame(8, 0, 0, &[0; 4])));
        let mut last = frame(8, 0, 0, &[0; 4]);
        assert!(frames.look(&mut last));
        assert_eq!(last, frame(PING, 0, 1, &[0; 4]));
    }
}
