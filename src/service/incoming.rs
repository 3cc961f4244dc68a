//! Connections as they come in, with TLS where there is a certificate.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Failure, Message, Outcome};

/// A handshake takes milliseconds; whoever takes longer only holds a connection.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// After a connection could not be taken, as when the process has too many: until some of them end.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Connections that are ready and wait to be served.
const READY_MAX: usize = 64;

/// A connection, whatever it is made of.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Who is at the other end of the connection: a person's machine, or a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Incoming>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Incoming>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Connections that are ready to be served. Handshakes go on beside each other, so that a slow one holds up nobody.
pub struct Incoming {
    address: SocketAddr,
    ready: mpsc::Receiver<(Box<dyn Stream>, SocketAddr)>,
    accepting: AbortHandle,
}

impl Incoming {
    /// Takes connections until it is dropped.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn begin(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(READY_MAX);
        let accepting = tokio::spawn(accept(listener, tls, sender)).abort_handle();
        Ok(Self { address, ready, accepting })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, ready: mpsc::Sender<(Box<dyn Stream>, SocketAddr)>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        match &tls {
            None => {
                let sent = ready.send((Box::new(stream), peer)).await;
                if sent.is_err() {
                    return;
                }
            }
            Some(tls) => {
                tokio::spawn(shake_hands(tls.clone(), stream, peer, ready.clone()));
            }
        }
    }
}

async fn shake_hands(
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    ready: mpsc::Sender<(Box<dyn Stream>, SocketAddr)>,
) {
    match tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            // Nobody takes it any more: the service stops.
            let _stopped = ready.send((Box::new(stream), peer)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

impl Listener for Incoming {
    type Io = Box<dyn Stream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Nothing comes any more; whoever listens is told to stop otherwise.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// TLS 1.2 and 1.3 with a certificate and its key, both PEM.
///
/// # Errors
/// `config.tls_certificate`, `config.tls_key`, `config.tls_pair`, each with the file.
pub fn tls(certificate: &Path, key: &Path) -> Outcome<TlsAcceptor> {
    let refuse = |code: &'static str, path: &Path, detail: String| {
        Failure::from(Message::new(code).with("path", path.display()).with("detail", detail))
    };
    let no_certificate = |detail: String| refuse("config.tls_certificate", certificate, detail);
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| no_certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(no_certificate("-----BEGIN CERTIFICATE-----".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse("config.tls_key", key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| refuse("config.tls_pair", certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
