//! A client that sends early data (0-RTT) whenever it can, whatever the server's ticket allows.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup};

use crate::guard::PATIENCE;

/// Keeps its tickets from one visit to the next.
#[derive(Clone, Debug)]
pub struct EarlyClient {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

/// What became of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EarlyVisit {
    /// Early data was sent.
    pub sent: bool,
    /// The server said that it took it.
    pub accepted: bool,
    /// The session of an earlier visit went on.
    pub resumed: bool,
}

impl EarlyClient {
    /// Visits this address with a configuration of [`TestCa`](super::TestCa).
    pub fn new(address: SocketAddr, config: &ClientConfig) -> Self {
        let mut config = config.clone();
        config.enable_early_data = true;
        config.resumption =
            Resumption::store(Arc::new(EagerTickets(ClientSessionMemoryCache::new(8))));
        Self { address, config: Arc::new(config) }
    }

    /// Connects, sends `early` before the handshake where there is a ticket, `late` after it, and reads the
    /// beginning of the answer. Blocks.
    ///
    /// # Errors
    ///
    /// If TLS is refused, or no answer comes in time.
    pub fn visit(&self, early: &[u8], late: &[u8]) -> io::Result<EarlyVisit> {
        let mut tcp = TcpStream::connect(self.address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut tls =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let sent = match tls.early_data() {
            Some(mut writer) => {
                writer.write_all(early)?;
                true
            }
            None => false,
        };
        let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
        stream.write_all(late)?;
        stream.flush()?;
        if stream.read(&mut [0; 4096])? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok(EarlyVisit { sent, accepted: tls.is_early_data_accepted(), resumed })
    }
}

/// Takes every ticket for one that allows early data.
#[derive(Debug)]
struct EagerTickets(ClientSessionMemoryCache);

impl ClientSessionStore for EagerTickets {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.0.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut ticket = self.0.take_tls13_ticket(name)?;
        ticket._private_set_max_early_data_size(16 * 1024);
        Some(ticket)
    }
}
