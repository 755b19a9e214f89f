//! libunftp without Inlet's edge and landing: its own storage, a server for each connection. Benchmarks tell by it what those cost.
//!
//! It neither syncs nor keeps an outbox, bounds nothing, and takes any password for `anonymous`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use libunftp::ServerBuilder;
use tokio::net::TcpListener;
use unftp_sbe_fs::Filesystem;

#[derive(Parser)]
#[command(about = "libunftp alone, to measure by")]
struct Cli {
    /// Where control connections are accepted.
    #[arg(long)]
    listen: SocketAddr,
    /// The directory that files go to.
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    first_port: u16,
    #[arg(long)]
    last_port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { listen, home, first_port, last_port } = Cli::parse();
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        // Left to itself it waits for the client's acknowledgement between the packets of a reply.
        stream.set_nodelay(true)?;
        let home = home.clone();
        // A home that cannot be opened is the end of the measurement.
        let storage = move || Filesystem::new(&home).unwrap_or_else(|_| std::process::exit(1));
        let server = ServerBuilder::new(Box::new(storage)).passive_ports(first_port..=last_port).build()?;
        tokio::spawn(server.service(stream));
    }
}
