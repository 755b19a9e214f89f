//! Logs and metrics of the process.

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// libunftp's spans carry their arguments, passwords and whole line parsers among them: never recorded, whatever the filter says.
const SILENT: &str = "libunftp=off";

/// Sends logs to standard error, so that standard output stays a command's answer.
pub fn start_logs(log: &Log) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(&log.filter).context("log.filter")?.add_directive(SILENT.parse().context("silence libunftp")?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    }
    .map_err(|error| anyhow::anyhow!("start logs: {error}"))
}

/// Collects metrics from here on; the handle renders them in Prometheus' text format.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("start metrics")
}
