//! The port for balancers and monitoring: `/live`, `/ready`, `/metrics` (Prometheus' text format).

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error};

use crate::config::Config;
use crate::telemetry;

/// Prometheus' text format, <https://prometheus.io/docs/instrumenting/exposition_formats/>.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often the recorder folds in what has been measured, so that it does not grow while nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long answers that are under way may take at the end.
const FINISH: Duration = Duration::from_secs(1);

/// The process as balancers and monitoring see it. `/ready` fails until [`Front::ready`] and after [`Front::not_ready`].
#[derive(Debug)]
pub struct Front {
    /// The address that it listens on.
    pub local_addr: SocketAddr,
    readiness: Arc<AtomicBool>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Front {
    /// Starts to collect metrics and to answer on `http.listen`.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let listen = config.http.listen;
        let metrics = telemetry::start_metrics()?;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("http.listen: listen on {listen}"))?;
        let local_addr = listener.local_addr().context("http.listen")?;
        let readiness = Arc::new(AtomicBool::new(false));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());

        let router = router(Arc::clone(&readiness), metrics.clone());
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                error!(%error, "the HTTP port stopped answering");
            }
        });
        tasks.spawn(stop.clone().run_until_cancelled_owned(upkeep(metrics)));
        Ok(Self { local_addr, readiness, stop, tasks })
    }

    /// Goes on with this until [`Front::finish`].
    pub fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// From here on `/ready` says yes.
    pub fn ready(&self) {
        self.readiness.store(true, Ordering::Release);
    }

    /// From here on `/ready` says no, so that a balancer sends nothing new.
    pub fn not_ready(&self) {
        self.readiness.store(false, Ordering::Release);
    }

    /// Stops answering. A client that never finishes its request is not waited for.
    pub async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(FINISH, self.tasks.wait()).await.is_err() {
            debug!("HTTP connections are left open");
        }
    }
}

fn router(readiness: Arc<AtomicBool>, metrics: PrometheusHandle) -> Router {
    let ready = move || {
        let is_ready = readiness.load(Ordering::Acquire);
        async move { if is_ready { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") } }
    };
    Router::new()
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(move || async move { ([(CONTENT_TYPE, METRICS_TYPE)], metrics.render()) }))
}

async fn upkeep(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}
