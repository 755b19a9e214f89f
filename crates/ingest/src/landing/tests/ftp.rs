//! Landing under libunftp itself, over loopback: the replies that a device gets.

use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::accounts::LoggedIn;

/// A control connection.
struct Device {
    control: BufReader<TcpStream>,
    session: Arc<Session>,
}

impl Device {
    async fn connect(bench: &Bench) -> Self {
        let session = Arc::new(Session::new(Ulid::generate(), "192.0.2.7:40123".parse().unwrap()));
        let login = Arc::new(LoggedIn::new(bench.account.clone()));
        let (spool, shared) = (Arc::clone(&bench.spool), Arc::clone(&session));
        let temporary = Arc::new(Temporary::new(&["*.tmp"]).unwrap());
        let limits = crate::harness::limits();
        let storage = move || Landing::new(Arc::clone(&spool), Arc::clone(&shared), Arc::clone(&temporary), &limits, None);
        let provider = Arc::clone(&login);
        let server =
            libunftp::ServerBuilder::with_user_detail_provider(Box::new(storage), provider).authenticator(login).build().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let control = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (served, _) = listener.accept().await.unwrap();
        tokio::spawn(async move { server.service(served).await });
        let mut device = Self { control: BufReader::new(control), session };
        assert_eq!(device.reply().await.0, 220);
        device
    }

    /// The last line of a reply, and its code.
    async fn reply(&mut self) -> (u16, String) {
        loop {
            let mut line = String::new();
            assert!(self.control.read_line(&mut line).await.unwrap() > 0, "closed");
            if line.as_bytes()[..3].iter().all(u8::is_ascii_digit) && line.as_bytes()[3] == b' ' {
                return (line[..3].parse().unwrap(), line.trim_end().to_owned());
            }
        }
    }

    async fn says(&mut self, command: &str) -> (u16, String) {
        self.control.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        self.reply().await
    }

    async fn data(&mut self) -> TcpStream {
        let (code, text) = self.says("EPSV").await;
        assert_eq!(code, 229, "{text}");
        let port: u16 = text.split('|').nth(3).unwrap().parse().unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap()
    }

    /// Uploads, with the edge's part played, and says the last reply.
    async fn uploads(&mut self, verb: Verb, command: &str, bytes: &[u8], fate: Fate) -> u16 {
        self.session.begin(Mode::Passive, verb);
        let mut data = self.data().await;
        assert_eq!(self.says(command).await.0, 150, "{command}");
        data.write_all(bytes).await.unwrap();
        self.session.end(fate);
        drop(data);
        self.reply().await.0
    }

    async fn lists(&mut self, command: &str) -> String {
        let mut data = self.data().await;
        assert_eq!(self.says(command).await.0, 150);
        let mut text = String::new();
        data.read_to_string(&mut text).await.unwrap();
        assert_eq!(self.reply().await.0, 226);
        text
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_the_replies_it_expects() {
    let bench = Bench::new();
    let mut device = Device::connect(&bench).await;
    assert_eq!(device.says("USER demo").await.0, 331);
    assert_eq!(device.says("PASS secret").await.0, 230);
    assert_eq!(device.says("MKD data").await.0, 257);
    assert_eq!(device.says("CWD data").await.0, 250);
    assert_eq!(device.says("CWD missing").await.0, 550);

    assert_eq!(device.uploads(Verb::Stor, "STOR x.dat", b"hello ", Fate::Complete).await, 226);
    assert_eq!(device.uploads(Verb::Appe, "APPE x.dat", b"world", Fate::Complete).await, 226);
    assert_eq!(device.uploads(Verb::Stor, "STOR x.dat", b"half", Fate::Broken).await, 426);
    assert_eq!(device.says("SIZE x.dat").await.1, "213 11");
    assert_eq!(device.says("MDTM x.dat").await.0, 213);
    assert_eq!(device.uploads(Verb::Stou, "STOU", b"unique", Fate::Complete).await, 226);

    assert_eq!(device.says("REST 6").await.0, 350);
    assert_eq!(device.uploads(Verb::Stor, "STOR x.dat", b"there", Fate::Complete).await, 226);
    assert_eq!(bench.read("data/x.dat"), b"hello there");

    assert_eq!(device.uploads(Verb::Stor, "STOR y.tmp", b"y", Fate::Complete).await, 226);
    assert_eq!(device.says("RNFR y.tmp").await.0, 350);
    assert_eq!(device.says("RNTO y.dat").await.0, 250);
    assert_eq!(device.uploads(Verb::Stor, "STOR missing/x.dat", b"", Fate::Complete).await, 553);

    assert!(device.lists("NLST").await.contains("y.dat\r\n"));
    assert!(device.lists("LIST").await.lines().any(|line| line.starts_with("-rw-") && line.ends_with(" x.dat")));
    assert!(device.lists("MLSD").await.contains("type=file;size=11;modify="));
    assert_eq!(device.says("DELE y.dat").await.0, 250);
    assert_eq!(device.says("DELE y.dat").await.0, 550);
    assert_eq!(device.says("RMD /data").await.0, 550);

    let verbs: Vec<_> = bench.outbox().iter().map(|(record, _)| record["verb"].as_str().unwrap().to_owned()).collect();
    assert_eq!(verbs, ["STOR", "APPE", "STOU", "STOR", "CLOSE", "RNTO", "CLOSE"]);
}
