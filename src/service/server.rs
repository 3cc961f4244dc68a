//! Listening, and stopping gracefully: what is being answered is answered, what is being run ends, nothing new begins.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::front::{self, Front};
use super::incoming::{Incoming, Peer};
use super::{Service, metrics};
use crate::{Failure, Message, Outcome, api, web};

/// The largest body that is read of whoever it may be: a form of some fields, which lies in memory while it is read. Files come
/// only with a command, and only once it is known who asks for it: there `web::upload` raises the limit.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Threads that wait for the database: more than there are connections, so that none of those stands idle.
const WAITING_THREADS_MAX: usize = 32;

/// How long after being told to stop what is open may take.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Where and how a service listens.
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Certificate and key; none: plain HTTP, for the machine itself or behind a proxy.
    pub tls: Option<TlsAcceptor>,
    /// How it stands to the world.
    pub front: Front,
}

/// Everything that is answered.
pub fn router(service: &Arc<Service>, front: Front) -> Router {
    let front = Arc::new(front);
    let health = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(read_metrics))
        .layer(Extension(Arc::clone(&front)));
    health
        .merge(api::routes())
        .merge(web::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state((Arc::clone(service), front), front::pass))
        .with_state(Arc::clone(service))
}

/// Whether whoever distributes requests may send some here.
async fn ready(State(service): web::App) -> (StatusCode, String) {
    match web::blocking(&service, |service| service.ready()).await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(Failure::Refused(message)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", message.code)),
        Err(broken) => {
            tracing::warn!(failure = broken.for_log(), "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned())
        }
    }
}

async fn read_metrics(State(service): web::App, Extension(front): Extension<Arc<Front>>, request: Request) -> Response {
    let may_read = front::may_read_metrics(&front, &request);
    drop(request);
    if !may_read {
        return StatusCode::NOT_FOUND.into_response();
    }
    match web::blocking(&service, |service| metrics::text(service)).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(failure) => {
            tracing::warn!(failure = failure.for_log(), "no figures");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Serves until the process is told to stop (SIGTERM, SIGINT). `begun` is told the address that it listens on.
///
/// # Errors
/// The address cannot be used, or the system gives no thread.
pub fn serve(service: &Arc<Service>, listen: Listen, begun: impl FnOnce(SocketAddr) -> Outcome<()>) -> Outcome<()> {
    service.start_workers()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        // Heard from before anybody is told that the service runs.
        let stopped = signals()?;
        let no_address = |error: std::io::Error| {
            Failure::from(Message::new("config.listen").with("address", listen.address).with("detail", error))
        };
        let listener = TcpListener::bind(listen.address).await.map_err(no_address)?;
        let address = listener.local_addr()?;
        let incoming = Incoming::begin(listener, listen.tls)?;
        begun(address)?;
        let router = router(service, listen.front).into_make_service_with_connect_info::<Peer>();
        let stopping = Arc::clone(service);
        let (told, mut is_told) = tokio::sync::watch::channel(false);
        let serving = axum::serve(incoming, router).with_graceful_shutdown(async move {
            stopped.await;
            tracing::info!("stopping");
            stopping.stop();
            let _nobody_waits = told.send(true);
        });
        tokio::select! {
            served = serving.into_future() => served?,
            // Somebody's download may last for ever; the service may not.
            () = async {
                let _begun = is_told.wait_for(|told| *told).await;
                tokio::time::sleep(STOP_WITHIN).await;
            } => tracing::warn!("requests were cut off"),
        }
        Ok(())
    });
    service.stop();
    runtime.shutdown_timeout(Duration::from_secs(1));
    let ended = service.await_workers(STOP_WITHIN);
    tracing::info!("stopped");
    served.and(ended)
}

/// Ends when the process is told to stop.
///
/// # Errors
/// The system lets nobody wait for signals.
pub(crate) fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}
