//! TLS of a listener: the handshake and who the peer is by it, certificates that are replaced while the
//! server runs, and connections that end with the certificate they were made with.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use palisade_security::{
    Clock, PeerCertificate, PeerInfo, ServerTls, TlsConfigError,
    tls::{Reload, handshake_code},
};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::HttpService;

/// How long a timer runs at most before the clock is asked again: it may have been set, and a machine may
/// have slept.
const CLOCK_CHECK: Duration = Duration::from_secs(60);

/// Whom a listener trusts, now and after each reload.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    tls: ServerTls,
    /// The generation that is in force.
    changed: watch::Sender<u64>,
}

impl Trust {
    pub(super) fn new(tls: &ServerTls) -> Self {
        Self { tls: tls.clone(), changed: watch::Sender::new(tls.generation()) }
    }

    /// Shakes hands within the time for it. What the server refuses is recorded; a peer that leaves, or
    /// that refuses the server, is not its doing.
    pub(super) async fn accept(
        &self,
        service: &HttpService,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, PeerInfo)> {
        let started = Instant::now();
        let limit = service.security().limits().handshake_timeout();
        let accepting = TlsAcceptor::from(self.tls.config()).accept(stream);
        let stream = match timeout(limit, accepting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "tls handshake failed");
                if let Some(code) = refusal(&error) {
                    service.record_refused_connection(address, code, None, started.elapsed());
                }
                return None;
            }
            Err(_) => {
                tracing::debug!("tls handshake took too long");
                return None;
            }
        };
        let peer = PeerInfo::new(address).with_tls(true);
        let Some(chain) = stream.get_ref().1.peer_certificates() else {
            return Some((stream, peer));
        };
        let code = match PeerCertificate::from_verified_chain(chain) {
            // rustls goes by whole seconds, and by the part of the chain that it needed.
            Ok(certificate) if certificate.expires_at() <= service.security().clock().now() => {
                "client_certificate_expired"
            }
            Ok(certificate) => {
                return Some((stream, peer.with_certificate(Arc::new(certificate))));
            }
            Err(error) => error.code(),
        };
        service.record_refused_connection(address, code, None, started.elapsed());
        None
    }

    /// Reads what is in force anew, and has connections look at it.
    pub(super) fn reload(&self) -> Result<Reload, TlsConfigError> {
        let outcome = self.tls.reload();
        self.announce();
        outcome
    }

    fn announce(&self) {
        let generation = self.tls.generation();
        self.changed.send_if_modified(|seen| std::mem::replace(seen, generation) != generation);
    }

    /// Reads files again now and then, for ever. A problem is logged when it is new; what was in force
    /// stays so.
    pub(super) async fn keep_fresh(&self) {
        let mut last = None;
        while let Some(interval) = self.tls.reload_interval() {
            sleep(interval).await;
            let trust = self.clone();
            // Files: another thread waits for the disk.
            let Ok(outcome) = tokio::task::spawn_blocking(move || trust.reload()).await else {
                continue;
            };
            if let Err(error) = &outcome
                && last.as_ref() != Some(error)
            {
                tracing::error!(code = error.code(), %error, "tls cannot be reloaded");
            }
            last = outcome.err();
        }
        pending().await
    }

    /// Waits until the certificate of an open connection is no longer good: it has expired, or what was
    /// reloaded excludes it.
    pub(super) async fn lost(&self, certificate: &PeerCertificate, clock: &dyn Clock) {
        let mut changed = self.changed.subscribe();
        // A reload during the handshake came before the subscription.
        let mut check = true;
        loop {
            let left = certificate.expires_at().saturating_duration_since(clock.now());
            if left.is_zero() || check && !self.tls.still_trusts(certificate) {
                return;
            }
            check = timeout(left.min(CLOCK_CHECK), changed.changed()).await.is_ok();
        }
    }
}

/// Why the server refused a handshake, if it was the server who did.
fn refusal(error: &io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(_) => None,
        error => Some(handshake_code(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, time::Duration};

    use palisade_security::{PemSource, ServerTls};
    use palisade_testkit::TestCa;
    use tokio::time::Instant;

    use super::Trust;

    /// Files that are replaced are read again without anybody asking, and a bad one changes nothing.
    #[tokio::test(start_paused = true)]
    async fn m5_files_are_read_again_now_and_then() {
        let folder = std::env::temp_dir().join(format!("palisade-fresh-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str| -> PathBuf { folder.join(name) };
        let ca = TestCa::new();
        let write = |certificate: &str, key: &str| {
            fs::write(file("certificate.pem"), certificate).unwrap();
            fs::write(file("key.pem"), key).unwrap();
        };
        let (first, second) = (ca.server(), ca.server());
        write(first.pem(), first.key_pem());
        let source = |name: &str| PemSource::file(file(name));
        let tls = ServerTls::builder(source("certificate.pem"), source("key.pem"))
            .with_reload_interval(Duration::from_secs(30))
            .build()
            .unwrap();
        let trust = Trust::new(&tls);
        let mut changed = trust.changed.subscribe();
        let started = Instant::now();
        // The key comes later than its certificate, after the first reading of both.
        write(second.pem(), first.key_pem());
        tokio::select! {
            () = trust.keep_fresh() => {}
            () = tokio::time::sleep(Duration::from_secs(45)) => {}
        }
        assert!(!changed.has_changed().unwrap());
        assert_eq!(tls.generation(), 0);
        write(second.pem(), second.key_pem());
        tokio::select! {
            () = trust.keep_fresh() => {}
            changed = changed.changed() => changed.unwrap(),
        }
        assert_eq!((tls.generation(), started.elapsed().as_secs()), (1, 75));
        fs::remove_dir_all(&folder).unwrap();
    }
}
