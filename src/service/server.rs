//! Listening, and stopping gracefully: what is being answered is answered, what is being run ends, nothing new begins.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::Service;
use crate::{Outcome, api, web};

/// The largest request: a list of a million claimants as a workbook is about 100 MB.
const BODY_BYTES_MAX: usize = 512 << 20;

/// Threads that wait for the database: more than there are connections, so that none of those stands idle.
const WAITING_THREADS_MAX: usize = 32;

/// How long after being told to stop what is open may take.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Everything that is answered.
pub fn router(service: &Arc<Service>) -> Router {
    let health = Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    health
        .merge(api::routes())
        .merge(web::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(service))
}

/// Whether the database answers.
async fn ready(axum::extract::State(service): web::App) -> (StatusCode, &'static str) {
    match web::blocking(&service, |service| service.courts()).await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

/// Serves until the process is told to stop (SIGTERM, SIGINT). `begun` is told the address that it listens on.
///
/// # Errors
/// The address cannot be used, or the system gives no thread.
pub fn serve(
    service: &Arc<Service>,
    address: SocketAddr,
    begun: impl FnOnce(SocketAddr) -> Outcome<()>,
) -> Outcome<()> {
    service.start_workers()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        begun(listener.local_addr()?)?;
        let router = router(service).into_make_service_with_connect_info::<SocketAddr>();
        let stopping = Arc::clone(service);
        let (told, mut is_told) = tokio::sync::watch::channel(false);
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            stopped().await;
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

/// Waits until the process is told to stop.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = match signal(SignalKind::terminate()) {
        Ok(terminated) => terminated,
        Err(error) => {
            tracing::error!(%error, "signals cannot be waited for");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
