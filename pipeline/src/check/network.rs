//! `inlet check --network`: what each kind of device is told, and whether one gets through that does as it is told.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, bail};
use clap::Args;
use ingest::{Address, ClientCertificate, Policy, Require, SourcePort};
use tokio::net::lookup_host;

use super::client::{Client, Way};
use super::trust::Trust;
use crate::account;
use crate::config::Config;

/// How to reach the Inlet that runs here, and as whom.
#[derive(Args, Debug)]
pub struct Trial {
    /// Where devices connect to, HOST:PORT; the address of `ingest.listen` when left out
    #[arg(long, value_name = "HOST:PORT", requires = "network")]
    through: Option<String>,
    /// The account to log in as, with its password on standard input; `demo` when left out
    #[arg(long, value_name = "NAME", requires_all = ["network", "password_stdin"])]
    account: Option<String>,
    /// Read the account's password from standard input
    #[arg(long, requires = "account")]
    password_stdin: bool,
}

/// Explains, then tries each mode. An error when one of them fails.
pub async fn run(config: &Config, trial: Trial) -> anyhow::Result<()> {
    for line in explain(&config.ingest).await {
        say(&line)?;
    }
    let (name, password) = credentials(config, trial.account)?;
    let server = match &trial.through {
        Some(host) => lookup_host(host).await.with_context(|| format!("look {host} up"))?.next().context("it has no address")?,
        None => here(config.ingest.listen),
    };
    let trust = Trust::configured(&config.ingest.tls)?;
    if trust.is_some() && config.ingest.tls.client_certificate == ClientCertificate::Require {
        bail!("ingest.tls.client_certificate is `require`, and this command has no device's certificate to show");
    }
    let (mut failed, mut tried) = (0, 0);
    if config.ingest.tls.require == Require::None {
        say(&format!("trying as {name} through {server}, in the clear"))?;
        failed += each_way(server, &name, &password, None).await?;
        tried += Way::ALL.len();
    }
    if let Some(trust) = trust {
        say(&format!("trying as {name} through {server}, within TLS after AUTH TLS and PROT P"))?;
        failed += each_way(server, &name, &password, Some(&trust)).await?;
        tried += Way::ALL.len();
    }
    match failed {
        0 => Ok(()),
        failed => bail!("{failed} of {tried} ways to make a data connection failed"),
    }
}

/// Tries each way to make a data connection, and says how many failed.
async fn each_way(server: SocketAddr, name: &str, password: &str, trust: Option<&Trust>) -> anyhow::Result<usize> {
    let mut failed = 0;
    for way in Way::ALL {
        // A session each: what one way leaves behind is not the next one's trouble.
        let listed = async { Client::log_in(server, name, password, trust).await?.list(way).await };
        match listed.await {
            Ok(told) => say(&format!("  {}  works: {told}", way.as_str()))?,
            Err(_) if server.is_ipv6() && matches!(way, Way::Pasv | Way::Port) => {
                say(&format!("  {}  cannot name an IPv6 address; EPSV and EPRT do", way.as_str()))?;
            }
            Err(error) => {
                failed += 1;
                say(&format!("  {}  fails: {error:#}", way.as_str()))?;
            }
        }
    }
    Ok(failed)
}

/// What devices are told, in words.
async fn explain(config: &ingest::Config) -> Vec<String> {
    let mut lines = vec![format!("passive mode: EPSV names one of the ports {} and no address", config.passive.ports)];
    for (whom, address) in config.passive.address.told() {
        lines.push(format!("  PASV tells {whom}: {}", spelled(address).await));
    }
    let policy = match &config.active.policy {
        Policy::Strict => "at their own address only".to_owned(),
        Policy::RewritePrivate => "at their own address, also when they name a private one".to_owned(),
        Policy::Networks(networks) => {
            let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
            format!("at their own address, or one in [{}]", networks.join(", "))
        }
    };
    let port = match config.active.source_port {
        SourcePort::FtpData => "port 20",
        SourcePort::Ephemeral => "any port",
    };
    let from = config.active.bind.map_or_else(|| "the address they know".to_owned(), |address| address.to_string());
    lines.push(format!("active mode: devices are dialled {policy}, from {port} of {from}"));
    let trusted: Vec<_> = config.proxy.trusted.iter().map(ToString::to_string).collect();
    if !trusted.is_empty() {
        lines.push(format!("balancers in [{}] must send a PROXY header, others must not", trusted.join(", ")));
    }
    let tls = &config.tls;
    if tls.certificate.is_some() {
        let needed = match tls.require {
            Require::None => "nothing needs it",
            Require::Login => "logging in needs it",
            Require::Data => "logging in and data connections need it",
        };
        let implicit = tls.listen_implicit.map(|address| format!(", and from the start on {address}")).unwrap_or_default();
        lines.push(format!("TLS: offered with AUTH TLS{implicit}; {needed}"));
    }
    lines
}

async fn spelled(address: &Address) -> String {
    match address {
        Address::Auto => "the address they connected to".to_owned(),
        Address::Fixed(Ipv4Addr::UNSPECIFIED) => "0.0.0.0, which some clients refuse".to_owned(),
        Address::Fixed(address) => address.to_string(),
        Address::Name(name) => match lookup_host((name.as_str(), 0)).await.ok().and_then(|mut all| all.find(SocketAddr::is_ipv4))
        {
            Some(found) => format!("{}, which {name} stands for now", found.ip()),
            None => format!("nothing: {name} has no IPv4 address now"),
        },
    }
}

fn credentials(config: &Config, name: Option<String>) -> anyhow::Result<(String, String)> {
    if let Some(name) = name {
        return Ok((name, account::password_from(std::io::stdin().lock())?));
    }
    let file = config.data.join(account::DEMO_FILE);
    let password = std::fs::read_to_string(&file)
        .with_context(|| format!("no password in {}: name an account with --account NAME --password-stdin", file.display()))?;
    Ok((account::DEMO.to_owned(), password.trim_end().to_owned()))
}

/// An address of this host at which a listener hears.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("print")
}
