//! Standard input and output, taken out of the hands of the rest of the process.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{fs::FileTypeExt, net},
    },
};

use rustix::stdio::{dup2_stdin, dup2_stdout};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixStream, unix::pipe},
};

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Takes both streams. What is left in their place: an empty input, and an output that goes where errors go.
pub(super) fn take() -> io::Result<(Reader, Writer)> {
    // The copies are closed on exec, so children that a handler starts do not inherit the client either.
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(io::stderr())?;
    let reader: Reader = match kind(input.as_fd())? {
        Kind::Pipe => Box::new(pipe::Receiver::from_owned_fd(input)?),
        Kind::Socket => Box::new(socket(input)?),
        Kind::Other => Box::new(tokio::fs::File::from_std(input.into())),
    };
    let writer: Writer = match kind(output.as_fd())? {
        Kind::Pipe => Box::new(pipe::Sender::from_owned_fd(output)?),
        Kind::Socket => Box::new(socket(output)?),
        Kind::Other => Box::new(tokio::fs::File::from_std(output.into())),
    };
    Ok((reader, writer))
}

/// How a stream can be waited for.
enum Kind {
    Pipe,
    /// As some clients, Node's among them, give their children.
    Socket,
    /// Files and terminals, which only a thread can wait for.
    Other,
}

fn kind(fd: BorrowedFd<'_>) -> io::Result<Kind> {
    let kind = File::from(fd.try_clone_to_owned()?).metadata()?.file_type();
    Ok(match () {
        () if kind.is_fifo() => Kind::Pipe,
        () if kind.is_socket() => Kind::Socket,
        () => Kind::Other,
    })
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}
