use inlet_ingest::*;
use std::{path::Path, sync::Arc};
#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let listen = std::env::args().nth(2).unwrap();
    let ports = std::env::args().nth(3).unwrap();
    std::fs::create_dir_all(&dir).unwrap();
    let cfg: Config = toml::from_str(&format!("listen='{listen}'\ndrain='5s'\nretention='24h'\ntemporary=['*.tmp']\npassive.ports='{ports}'\npassive.address='auto'\npassive.wait='10s'\nactive.connect='10s'\nlimits.sessions=20000\nlimits.login='30s'\nlimits.idle='10m'\nlimits.stall='60s'\n")).unwrap();
    let a = Accounts::open(&Path::new(&dir).join("accounts.toml")).unwrap();
    let _ = a.add("demo", NewAccount { password: "secret".into(), device: None, zone: None });
    let s =
        Server::bind(cfg, Parts { accounts: Arc::new(a), spool: Arc::new(Spool::open(Path::new(&dir)).unwrap()) }).await.unwrap();
    println!("{}", s.local_addr());
    let t = tokio_util::sync::CancellationToken::new();
    let t2 = t.clone();
    tokio::spawn(async move {
        let mut b = [0u8; 1];
        use tokio::io::AsyncReadExt;
        let _ = tokio::net::TcpListener::bind("127.0.0.1:2999").await.unwrap().accept().await.unwrap().0.read(&mut b).await;
        t2.cancel();
    });
    s.run(t).await;
    println!("stopped");
}
