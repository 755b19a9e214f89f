//! What the edge counts: one function a fact. No label carries a name, a path or an address.

use std::time::Duration;

use crate::session::Mode;

/// A session that is counted as open while this is held.
#[derive(Debug)]
pub(crate) struct Open(());

/// A session that is counted as having a libunftp while this is held.
#[derive(Debug)]
pub(crate) struct Awake(());

/// The server was told to stop.
pub(crate) fn draining() {
    metrics::gauge!("inlet_ingest_draining").set(1);
}

/// A device connected and got a session.
pub(crate) fn session() -> Open {
    metrics::counter!("inlet_sessions_total").increment(1);
    metrics::gauge!("inlet_sessions").increment(1);
    Open(())
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("inlet_sessions").decrement(1);
    }
}

/// A session needs libunftp. One that does nothing for a while has none.
pub(crate) fn awake() -> Awake {
    metrics::gauge!("inlet_sessions_awake").increment(1);
    Awake(())
}

impl Drop for Awake {
    fn drop(&mut self) {
        metrics::gauge!("inlet_sessions_awake").decrement(1);
    }
}

/// A device connected, or logged in, and was turned away: too many sessions in all, of its address or of its account, or
/// stopping.
pub(crate) fn session_refused(reason: &'static str) {
    metrics::counter!("inlet_sessions_refused_total", "reason" => reason).increment(1);
}

/// A device gave a password.
pub(crate) fn login(accepted: bool) {
    let outcome = if accepted { "accepted" } else { "refused" };
    metrics::counter!("inlet_logins_total", "outcome" => outcome).increment(1);
}

/// A login was not looked at: over a rate, or locked out.
pub(crate) fn login_not_tried(reason: &'static str) {
    metrics::counter!("inlet_logins_refused_total", "reason" => reason).increment(1);
}

/// An address or an account was locked out after too many wrong logins.
pub(crate) fn locked_out(whose: &'static str) {
    metrics::counter!("inlet_lockouts_total", "of" => whose).increment(1);
}

/// A session is over, and why.
pub(crate) fn session_ended(reason: &'static str) {
    metrics::counter!("inlet_sessions_ended_total", "reason" => reason).increment(1);
}

/// A transfer ended, whole or not; bytes are those that crossed the data connection.
pub(crate) fn transferred(verb: &'static str, mode: Mode, outcome: &'static str, bytes: u64) {
    let mode = self::mode(mode);
    metrics::counter!("inlet_transfers_total", "verb" => verb, "mode" => mode, "outcome" => outcome).increment(1);
    metrics::counter!("inlet_transfer_bytes_total", "verb" => verb, "mode" => mode).increment(bytes);
}

/// No data connection came about: the 425 says why.
pub(crate) fn data_connection_failed(mode: Mode) {
    metrics::counter!("inlet_data_connections_failed_total", "mode" => self::mode(mode)).increment(1);
}

/// What was free on the disk of uploads when the last one came.
pub(crate) fn disk_free(bytes: u64) {
    let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    metrics::gauge!("inlet_ingest_disk_free_bytes").set(f64::from(mebibytes) * f64::from(1 << 20));
}

/// An upload was refused before it came, since the disk is nearly full.
pub(crate) fn disk_full() {
    metrics::counter!("inlet_ingest_refused_uploads_total", "limit" => "disk").increment(1);
}

/// A transfer moved nothing for too long.
pub(crate) fn stalled() {
    metrics::counter!("inlet_transfers_stalled_total").increment(1);
}

/// PORT or EPRT named an address that is not dialled.
pub(crate) fn active_refused() {
    metrics::counter!("inlet_active_refused_total").increment(1);
}

/// Somebody connected to a passive port that was not promised to them: a health probe or a stranger.
pub(crate) fn passive_unexpected() {
    metrics::counter!("inlet_passive_unexpected_total").increment(1);
}

/// A device connected to a passive port when its session had given it up: the connection is dropped.
pub(crate) fn passive_late() {
    metrics::counter!("inlet_passive_late_total").increment(1);
}

/// One address had used up the passive ports, and a device waits for one.
pub(crate) fn passive_waited() {
    metrics::counter!("inlet_passive_waits_total").increment(1);
}

/// A trusted balancer opened a connection and sent no valid header in time.
pub(crate) fn proxy_header_failed() {
    metrics::counter!("inlet_proxy_headers_failed_total").increment(1);
}

/// A TLS handshake ended: full or resumed, or how it failed.
pub(crate) fn handshake(connection: &'static str, outcome: &'static str) {
    metrics::counter!("inlet_tls_handshakes_total", "connection" => connection, "outcome" => outcome).increment(1);
}

/// A device ended its data within TLS by closing the connection, without close_notify.
pub(crate) fn ended_without_close_notify() {
    metrics::counter!("inlet_tls_ends_without_close_notify_total").increment(1);
}

/// The server's certificate is in force until then, in seconds since 1970.
pub(crate) fn certificate(expires: i64) {
    metrics::gauge!("inlet_tls_certificate_expiry_timestamp_seconds")
        .set(Duration::from_secs(u64::try_from(expires).unwrap_or(0)).as_secs_f64());
}

/// One address had used up the passive ports, and none came free in time.
pub(crate) fn passive_exhausted() {
    metrics::counter!("inlet_passive_exhausted_total").increment(1);
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Active => "active",
        Mode::Passive => "passive",
    }
}
