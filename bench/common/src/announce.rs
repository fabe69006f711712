//! How a server tells where it listens.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

/// Prints the line that whoever started the server waits for.
///
/// # Errors
///
/// If standard output is gone.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}/mcp")?;
    out.flush()
}
