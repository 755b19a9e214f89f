//! Logs and metrics of the process.

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Log, LogFormat};

/// Never recorded, whatever the filter says: libunftp's spans carry their arguments, passwords and whole line parsers among them,
/// and `inlet check --network` logs in with suppaftp, which shows each command that it sends.
const SILENT: [&str; 2] = ["libunftp", "suppaftp"];

/// Sends logs to standard error, so that standard output stays a command's answer.
pub fn start_logs(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).context("log.filter")?;
    // A filter of its own: a directive for one of their modules would win over one that silences the whole.
    let audible = filter_fn(|metadata| !SILENT.iter().any(|silent| metadata.target().split("::").next() == Some(silent)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter).with_filter(audible)).try_init().context("start logs")
}

/// Collects metrics from here on; the handle renders them in Prometheus' text format.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("start metrics")
}
