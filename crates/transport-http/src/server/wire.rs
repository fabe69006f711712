//! What HTTP parsers forgive and two readers could read differently, refused before they see it.
//!
//! The parsers behind this are lenient where the specification lets them be: they take a bare line feed for
//! the end of a line, and `Transfer-Encoding` over a `Content-Length` that is there too. A proxy in front that
//! chooses otherwise sees other requests than this server (request smuggling). HTTP/2 frames that carry
//! nothing of a request are answered without end.
//!
//! This reads along. Where it finds a fault it spoils the byte at which the fault became certain, so that
//! the parser itself refuses, in its own words: 400, or GOAWAY.

mod frames;
mod messages;

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use palisade_security::Limits;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::timeout,
};

use self::{frames::Frames, messages::Messages};

/// How long the preface of HTTP/2 is: no more is read to find out the version.
const PREFACE: usize = 24;

/// What follows a spoiled byte: the end of a head, for a parser that waits for it before it looks.
const END: &[u8] = b"\r\n\r\n";

/// What the connection's watcher may know of what was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    finding: AtomicU8,
    /// A head that did not arrive in one piece has begun.
    head_began: Notify,
}

const NOTHING: u8 = 0;
const PARTIAL_HEAD: u8 = 1;
const MALFORMED: u8 = 2;
const FLOOD: u8 = 3;

impl Findings {
    /// The stable name and the status of what was refused, if something was.
    pub(super) fn refusal(&self) -> Option<(&'static str, Option<u16>)> {
        match self.0.finding.load(Ordering::Relaxed) {
            MALFORMED => Some(("malformed_request", Some(400))),
            FLOOD => Some(("too_many_frames", None)),
            _ => None,
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) fn within_head(&self) -> bool {
        self.0.finding.load(Ordering::Relaxed) == PARTIAL_HEAD
    }

    /// Waits for a head that takes longer than this to arrive. Costs nothing where heads come whole.
    pub(super) async fn head_overdue(&self, limit: Duration) {
        self.0.head_began.notified().await;
        // Boxed: few connections need the room.
        Box::pin(async {
            loop {
                match timeout(limit, self.0.head_began.notified()).await {
                    // That one is complete, and another one has begun.
                    Ok(()) => {}
                    Err(_) if self.within_head() => return,
                    Err(_) => self.0.head_began.notified().await,
                }
            }
        })
        .await;
    }

    fn note(&self, finding: u8) {
        self.0.finding.store(finding, Ordering::Relaxed);
        if finding == PARTIAL_HEAD {
            self.0.head_began.notify_one();
        }
    }
}

/// A stream that is read along.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    protocol: Protocol,
    findings: Findings,
    /// What was read to find out the version, and looked at.
    ahead: Vec<u8>,
    /// As the findings have it: the number of the head that has begun and not ended.
    within_head: Option<u64>,
}

#[derive(Debug)]
enum Protocol {
    Http1(Messages),
    Http2(Frames),
    /// Nothing more is read. So much is left of what the parser is told instead.
    Refused(&'static [u8]),
}

/// Which HTTP a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// What a look at some bytes came to.
enum Look {
    Good,
    /// The bytes from here on are HTTP/2.
    Http2(usize),
    /// Spoil this byte, and let none behind it through. The head of a message, or a body.
    Malformed {
        at: usize,
        head: bool,
    },
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, limits: &Limits) -> Self {
        Self {
            stream,
            protocol: Protocol::Http1(Messages::new(limits.max_control_frames())),
            findings: Findings::default(),
            ahead: Vec::new(),
            within_head: None,
        }
    }

    pub(super) fn findings(&self) -> Findings {
        self.findings.clone()
    }

    /// Looks at what was read, and gives how much of it may be seen.
    fn look(&mut self, bytes: &mut [u8]) -> usize {
        let whole = bytes.len();
        let mut rest = bytes;
        if let Protocol::Http1(messages) = &mut self.protocol {
            match messages.look(rest) {
                Look::Good => {
                    // Each head has its own time, also one that begins where another one ends.
                    let within_head = messages.within_head().then(|| messages.heads());
                    if within_head != self.within_head {
                        self.within_head = within_head;
                        self.findings.note(if within_head.is_some() {
                            PARTIAL_HEAD
                        } else {
                            NOTHING
                        });
                    }
                    return whole;
                }
                Look::Malformed { at, head } => {
                    if let Some(byte) = rest.get_mut(at) {
                        *byte = 0;
                    }
                    // A faulty body has a request, which is refused and recorded.
                    self.findings.note(if head { MALFORMED } else { NOTHING });
                    self.protocol = Protocol::Refused(END);
                    return at.saturating_add(1).min(whole);
                }
                Look::Http2(at) => {
                    let frames = Frames::new(messages.max_control_frames());
                    self.findings.note(NOTHING);
                    self.protocol = Protocol::Http2(frames);
                    rest = rest.get_mut(at..).unwrap_or_default();
                }
            }
        }
        if let Protocol::Http2(frames) = &mut self.protocol
            && frames.look(rest)
        {
            self.findings.note(FLOOD);
        }
        whole
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Reads until it is certain which HTTP the peer speaks; none if it leaves before.
    pub(super) async fn version(&mut self) -> Option<Version> {
        let mut piece = [0; PREFACE];
        loop {
            let left = PREFACE.saturating_sub(self.ahead.len());
            match &self.protocol {
                Protocol::Http2(_) if left == 0 => return Some(Version::Http2),
                Protocol::Http2(_) => {}
                Protocol::Http1(messages) if left > 0 && messages.may_become_http2() => {}
                Protocol::Http1(_) | Protocol::Refused(_) => return Some(Version::Http1),
            }
            let mut piece = ReadBuf::new(piece.get_mut(..left)?);
            poll_fn(|cx| self.poll_look(cx, &mut piece)).await.ok()?;
            if piece.filled().is_empty() {
                return None;
            }
            self.ahead.extend_from_slice(piece.filled());
        }
    }

    /// Reads, and looks at what was read.
    fn poll_look(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Protocol::Refused(rest) = &mut self.protocol {
            let (told, left) = rest.split_at(rest.len().min(buf.remaining()));
            buf.put_slice(told);
            *rest = left;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let seen = match buf.filled_mut().get_mut(before..) {
            Some(read) if !read.is_empty() => self.look(read),
            _ => 0,
        };
        buf.set_filled(before + seen);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return self.poll_look(cx, buf);
        }
        let told = self.ahead.len().min(buf.remaining());
        buf.put_slice(self.ahead.get(..told).unwrap_or_default());
        self.ahead.drain(..told);
        if self.ahead.is_empty() {
            self.ahead = Vec::new();
            // With what comes next, if it is there: a parser that gets little makes room for more. What fails
            // now fails the next time too.
            let _ = self.poll_look(cx, buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.note_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.note_written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S> Wire<S> {
    fn note_written(&mut self, written: usize) {
        if let Protocol::Http2(frames) = &mut self.protocol {
            frames.note_written(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_security::Limits;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, sleep},
    };

    use super::{Version, Wire};

    #[tokio::test(start_paused = true)]
    async fn h3_each_head_has_its_own_time() {
        let mut wire = Wire::new(tokio::io::empty(), &Limits::new());
        let findings = wire.findings();
        let start = Instant::now();
        let read = async {
            wire.look(&mut b"GET / HTTP/1.1\r\n".to_vec());
            sleep(Duration::from_secs(8)).await;
            wire.look(&mut b"host: a\r\n\r\nGET / HTTP/1.1\r\n".to_vec());
        };
        tokio::join!(read, findings.head_overdue(Duration::from_secs(10)));
        assert_eq!(start.elapsed().as_secs(), 18);
    }

    #[tokio::test]
    async fn a_peer_shows_which_http_it_speaks_and_nothing_of_it_is_lost() {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (said, version) in [
            ("POST /mcp HTTP/1.1\r\nhost: a\r\n\r\n", Some(Version::Http1)),
            ("PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n", Some(Version::Http1)),
            ("PRI /mcp HTTP/1.1\r\nhost: a\r\n\r\n", Some(Version::Http1)),
            (preface, Some(Version::Http2)),
            ("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", Some(Version::Http1)),
            ("PRI * HTTP/2.0\r\n", None),
            ("PRI * HTTP", None),
            ("", None),
        ] {
            for size in [1, 3, 16, 64] {
                let (ours, mut theirs) = duplex(size);
                let saying = async move {
                    theirs.write_all(said.as_bytes()).await.unwrap();
                    drop(theirs);
                };
                let reading = async {
                    let mut wire = Wire::new(ours, &Limits::new());
                    assert_eq!(wire.version().await, version, "{said:?} by {size}");
                    let mut read = String::new();
                    wire.read_to_string(&mut read).await.unwrap();
                    assert_eq!(read, said, "by {size}");
                };
                tokio::join!(saying, reading);
            }
        }
    }

    #[tokio::test]
    async fn what_was_read_to_find_out_comes_with_what_follows() {
        let (ours, mut theirs) = duplex(1024);
        let head = b"GET /mcp HTTP/1.1\r\nhost: a\r\n\r\n";
        theirs.write_all(head).await.unwrap();
        let mut wire = Wire::new(ours, &Limits::new());
        assert_eq!(wire.version().await, Some(Version::Http1));
        let mut read = [0; 1024];
        assert_eq!(wire.read(&mut read).await.unwrap(), head.len());
    }
}
