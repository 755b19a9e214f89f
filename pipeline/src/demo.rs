//! `inlet up --demo`: a small fleet uploads files of our own making over real FTP, half of it in active mode, and the tables that
//! come of it are shown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use iceberg::Catalog;
use ingest::Require;
use suppaftp::Mode;
use suppaftp::tokio::AsyncFtpStream;
use suppaftp::types::FileType;
use tracing::info;

use crate::config::Config;
use crate::run::{Up, stop_signal};
use crate::table;

macro_rules! fleet {
    ($($file:literal),* $(,)?) => { [$(($file, include_bytes!(concat!("../demo/", $file)).as_slice())),*] };
}

const FLEET: [(&str, &[u8]); 6] = fleet![
    "alpine_ridge_Met15.dat",
    "alpine_ridge_Daily.dat",
    "harbour_Met15.dat",
    "harbour_Met15_next.dat.gz",
    "orchard_Met15.dat",
    "greenhouse_3.csv",
];
/// Longest wait for a commit; the default batch closes after a few seconds.
const COMMIT_MAX: Duration = Duration::from_secs(60);
const ROWS_SHOWN: usize = 3;

/// Runs everything, plays the fleet, shows the tables, and goes on until a signal says stop.
pub async fn up(config: &Config) -> anyhow::Result<()> {
    if config.ingest.tls.require != Require::None {
        bail!("--demo: its devices know no TLS, and `ingest.tls.require` wants it");
    }
    let up = Up::start(config).await?;
    up.announce(config)?;
    let Some(password) = up.demo_password.clone() else {
        bail!("--demo logs in as `demo`, and this data directory has no such account any more; give it a new `--data DIR`");
    };
    let (ftp, catalog, signal) = (up.ftp, Arc::clone(&up.catalog), stop_signal()?);
    let mut played = Ok(());
    let stop = async {
        tokio::select! {
            () = signal => {}
            failed = play_then_wait(&catalog, &config.etl.namespace, ftp, &password) => played = failed,
        }
    };
    up.run(stop).await.and(played)
}

/// Ends only when something failed.
async fn play_then_wait(catalog: &Arc<dyn Catalog>, namespace: &str, ftp: SocketAddr, password: &str) -> anyhow::Result<()> {
    play(catalog, namespace, ftp, password).await.context("demo")?;
    std::future::pending().await
}

async fn play(catalog: &Arc<dyn Catalog>, namespace: &str, ftp: SocketAddr, password: &str) -> anyhow::Result<()> {
    let before = uploads(catalog, namespace).await?;
    for (index, (name, bytes)) in FLEET.iter().enumerate() {
        let mode = if index % 2 == 0 { Mode::Active } else { Mode::ExtendedPassive };
        upload(ftp, password, mode, name, bytes).await.with_context(|| format!("upload {name}"))?;
        info!(name, bytes = bytes.len(), ?mode, "the demo's device uploaded a file");
    }
    let committed = async {
        while uploads(catalog, namespace).await? < before + FLEET.len() as u64 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(COMMIT_MAX, committed).await.context("waited for the commit")??;
    for found in etl::inspect::tables(Arc::clone(catalog), namespace).await? {
        table::print_head(Arc::clone(catalog), namespace, &found.name, ROWS_SHOWN).await?;
    }
    Ok(())
}

/// How many uploads have an outcome.
async fn uploads(catalog: &Arc<dyn Catalog>, namespace: &str) -> anyhow::Result<u64> {
    let tables = etl::inspect::tables(Arc::clone(catalog), namespace).await?;
    Ok(tables.iter().find(|table| table.name == etl::UPLOADS).map_or(0, |table| table.rows))
}

async fn upload(ftp: SocketAddr, password: &str, mode: Mode, name: &str, mut bytes: &[u8]) -> anyhow::Result<()> {
    let mut session = AsyncFtpStream::connect(ftp).await?;
    session.set_mode(mode);
    session.login("demo", password).await?;
    session.transfer_type(FileType::Binary).await?;
    session.put_file(name, &mut bytes).await?;
    session.quit().await?;
    Ok(())
}
