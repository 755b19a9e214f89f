//! A fleet of FTP devices on loopback: many sessions, many uploads, and how long each took. Prints one line of JSON.
//!
//! It knows nothing of Inlet, so that every FTP server can be measured by it.

mod device;
mod report;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use device::{Device, Mode, Server, Took};
use report::{Report, Tally};

/// How many devices log in at the same time while a fleet comes up.
const LOGINS_AT_ONCE: u64 = 64;
/// How long a visit may take that began before the end of a run.
const GRACE: Duration = Duration::from_secs(5);
/// How often an idle session says so.
const NOOP_EVERY: Duration = Duration::from_secs(60);

/// How long sessions are left alone before they count as idle: servers give back then what such a session need not hold.
const SETTLE: Duration = Duration::from_secs(5);

#[derive(Parser)]
#[command(about = "A fleet of FTP devices on loopback; prints one line of JSON")]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Target {
    /// The FTP server's address and port, of IPv4.
    #[arg(long)]
    server: SocketAddr,
    #[arg(long)]
    user: String,
    #[arg(long)]
    password: String,
    /// The directory that uploads go to.
    #[arg(long, default_value = "")]
    directory: String,
    #[arg(long, value_enum, default_value = "passive")]
    mode: Mode,
    /// How many loopback addresses the devices have between them.
    #[arg(long, default_value_t = 200)]
    addresses: u32,
}

#[derive(Subcommand)]
enum Command {
    /// Devices that log in, upload one file and leave, again and again.
    Uploads {
        #[arg(long, default_value_t = 50)]
        clients: u64,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        #[arg(long, default_value_t = 10 * 1024)]
        bytes: usize,
    },
    /// One file.
    File {
        #[arg(long, default_value_t = 500_000_000)]
        bytes: usize,
    },
    /// Sessions that stay logged in, and others that upload at a steady rate meanwhile. A line `up` says when all are logged in and idle.
    Sessions {
        #[arg(long)]
        idle: u64,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Uploads a second; none at 0.
        #[arg(long, default_value_t = 0)]
        rate: u64,
        #[arg(long, default_value_t = 10 * 1024)]
        bytes: usize,
    },
}

/// The devices' common knowledge.
struct Fleet {
    server: Server,
    directory: String,
    mode: Mode,
    addresses: u32,
    next: AtomicU64,
    content: Vec<u8>,
}

impl Fleet {
    fn new(target: Target, bytes: usize) -> Self {
        let Target { server, user, password, directory, mode, addresses } = target;
        let prefix = if directory.is_empty() { directory } else { format!("{directory}/") };
        let content = b"2026-01-01T00:00:00Z,17.25\n".iter().copied().cycle().take(bytes).collect();
        Self {
            server: Server { address: server, user, password },
            directory: prefix,
            mode,
            addresses,
            next: AtomicU64::new(0),
            content,
        }
    }

    /// A number that no other device or file has, and the address of the device that has it.
    fn device(&self) -> (u64, IpAddr) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let host = u32::try_from(number % u64::from(self.addresses.max(1))).unwrap_or_default();
        let address = u32::from(Ipv4Addr::new(127, 1, 0, 1)).saturating_add(host);
        (number, IpAddr::V4(Ipv4Addr::from(address)))
    }

    /// Logs in, uploads, leaves.
    async fn visit(&self) -> anyhow::Result<Took> {
        let (number, from) = self.device();
        let mut device = Device::login(&self.server, from).await?;
        device.image().await?;
        // No file is written twice, in this run or by another: some servers forbid it.
        let name = format!("{}fleet-{}-{number}.csv", self.directory, std::process::id());
        let took = device.store(&name, &self.content, self.mode).await?;
        device.quit().await?;
        Ok(took)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { target, command } = Cli::parse();
    let report = match command {
        Command::Uploads { clients, seconds, bytes } => {
            uploads(Arc::new(Fleet::new(target, bytes)), clients, Duration::from_secs(seconds)).await?
        }
        Command::File { bytes } => file(&Fleet::new(target, bytes)).await?,
        Command::Sessions { idle, seconds, rate, bytes } => {
            sessions(Arc::new(Fleet::new(target, bytes)), idle, Duration::from_secs(seconds), rate).await?
        }
    };
    print(&serde_json::to_string(&report)?)?;
    ensure!(report.failures.is_empty(), "not every upload was acknowledged");
    Ok(())
}

fn print(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("print the report")
}

async fn uploads(fleet: Arc<Fleet>, clients: u64, lasting: Duration) -> anyhow::Result<Report> {
    let until = Instant::now() + lasting;
    let mut visitors = JoinSet::new();
    for _ in 0..clients {
        let fleet = fleet.clone();
        visitors.spawn(async move {
            let mut tally = Tally::default();
            while Instant::now() < until {
                let visited = timeout_at(until + GRACE, fleet.visit()).await.context("still waiting when all was over");
                // What ends later is not counted, so that one client that hangs does not slow the others down.
                match visited.and_then(|visited| visited) {
                    Ok(_) if Instant::now() > until => {}
                    outcome => tally.add(outcome),
                }
            }
            tally
        });
    }
    let mut tally = Tally::default();
    while let Some(visitor) = visitors.join_next().await {
        tally.merge(visitor?);
    }
    Ok(tally.report(lasting))
}

async fn file(fleet: &Fleet) -> anyhow::Result<Report> {
    let mut tally = Tally::default();
    let began = Instant::now();
    tally.add(fleet.visit().await);
    Ok(tally.report(began.elapsed()))
}

async fn sessions(fleet: Arc<Fleet>, idle: u64, lasting: Duration, rate: u64) -> anyhow::Result<Report> {
    let mut logins = JoinSet::new();
    let mut devices = Vec::new();
    for _ in 0..idle {
        if logins.len() as u64 >= LOGINS_AT_ONCE
            && let Some(device) = logins.join_next().await
        {
            devices.push(device??);
        }
        let fleet = fleet.clone();
        logins.spawn(async move {
            let (_, from) = fleet.device();
            Device::login(&fleet.server, from).await
        });
    }
    while let Some(device) = logins.join_next().await {
        devices.push(device??);
    }
    sleep(SETTLE).await;
    print("up")?;
    let until = Instant::now() + lasting;
    let mut staying = JoinSet::new();
    for device in devices {
        staying.spawn(stay(device, until));
    }
    let report = visits(fleet, until, rate).await?;
    let mut lost = 0_u64;
    while let Some(stayed) = staying.join_next().await {
        lost += u64::from(stayed?.is_err());
    }
    ensure!(lost == 0, "{lost} of {idle} idle sessions did not outlive the run");
    Ok(report)
}

/// An idle session, which says now and then that it is there, and whose end is a failure.
async fn stay(mut device: Device, until: Instant) -> anyhow::Result<()> {
    while timeout_at(until, sleep(NOOP_EVERY)).await.is_ok() {
        device.noop().await?;
    }
    device.noop().await?;
    device.quit().await
}

/// Visits that begin at a steady rate, however long those before them take.
async fn visits(fleet: Arc<Fleet>, until: Instant, rate: u64) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut visitors = JoinSet::new();
    if let Some(nanos) = 1_000_000_000_u64.checked_div(rate) {
        let mut ticks = interval(Duration::from_nanos(nanos));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while timeout_at(until, ticks.tick()).await.is_ok() {
            let fleet = fleet.clone();
            visitors.spawn(async move { fleet.visit().await });
            while let Some(visitor) = visitors.try_join_next() {
                tally.add(visitor?);
            }
        }
    } else {
        sleep(until - Instant::now()).await;
    }
    while let Some(visitor) = visitors.join_next().await {
        tally.add(visitor?);
    }
    Ok(tally.report(began.elapsed()))
}
