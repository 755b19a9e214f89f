use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Device, Running, pattern, reset_on_close, start, start_with, within};

mod hang_up;

const BYTES: usize = 700_000;

/// One upload in each mode over the address family of `listen`.
async fn check_both_modes(listen: &str) {
    let server = start_with(|config| config.listen = listen.parse().unwrap()).await;
    let mut device = server.logged_in().await;
    assert!(device.store("passive", &pattern(BYTES)).await.starts_with("226 "));

    let listener = device.active().await;
    device.send("STOR active\r\n").await;
    let (mut data, _) = within(listener.accept()).await.unwrap();
    device.expect_reply("150 ").await;
    within(data.write_all(&pattern(BYTES))).await.unwrap();
    drop(data);
    device.expect_reply("226 ").await;

    let records = server.records();
    let facts: Vec<_> = records.iter().map(|(record, bytes)| (&record["path"], &record["mode"], bytes)).collect();
    let (active, passive) = (serde_json::json!(["/active", "active"]), serde_json::json!(["/passive", "passive"]));
    assert_eq!(facts, [(&active[0], &active[1], &pattern(BYTES)), (&passive[0], &passive[1], &pattern(BYTES))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_land_whole_in_both_modes_over_ipv4() {
    check_both_modes("127.0.0.1:0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_land_whole_in_both_modes_over_ipv6() {
    check_both_modes("[::1]:0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_both_families_serves_ipv4_devices_as_such() {
    let server = start_with(|config| config.listen = "[::]:0".parse().unwrap()).await;
    let mut device = Device::connect(([127, 0, 0, 1], server.address.port()).into()).await;
    device.expect_reply("220 ").await;
    device.log_in().await;
    device.expect("PASV", "227 Entering Passive Mode (127,0,0,1,").await;
    device.expect("EPSV 2", "522 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
    let listener = device.active().await;
    device.send("STOR b\r\n").await;
    within(listener.accept()).await.unwrap();
    device.expect_reply("150 ").await;
    device.expect_reply("226 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_listings_come_back() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a.csv", &pattern(BYTES)).await.starts_with("226 "));
    assert_eq!(device.fetch("RETR a.csv").await, pattern(BYTES));
    device.expect("REST 699990", "350 ").await;
    assert_eq!(device.fetch("RETR a.csv").await, &pattern(BYTES)[699_990..]);
    // REST held for that one transfer.
    assert_eq!(device.fetch("RETR a.csv").await.len(), BYTES);
    for listing in ["LIST", "NLST", "MLSD"] {
        let listed = String::from_utf8(device.fetch(listing).await).unwrap();
        assert!(listed.contains("a.csv"), "{listing}: {listed}");
    }
    let _data = device.passive().await;
    device.expect("RETR missing", "150 ").await;
    device.expect_reply("550 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_restart_does_not_carry_over() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("REST 100", "350 ").await;
    assert!(device.store("missing", b"12345").await.starts_with("55"));
    assert!(device.store("plain", b"12345").await.starts_with("226 "));
    assert_eq!(server.outbox(), [("/plain".to_owned(), b"12345".to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stou_tells_the_name_it_chose() {
    let server = start().await;
    let mut device = server.logged_in().await;
    let mut data = device.passive().await;
    let said = device.expect("STOU", "150 FILE: ").await;
    data.write_all(b"12345").await.unwrap();
    drop(data);
    device.expect_reply("226 ").await;
    let name = said.trim_start_matches("150 FILE: ");
    assert_eq!(server.outbox(), [(format!("/{name}"), b"12345".to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_sent_during_a_transfer_wait_for_its_end() {
    let server = start().await;
    let mut device = server.logged_in().await;
    let mut data = device.passive().await;
    device.send("STOR a\r\nPWD\r\nSIZE a\r\nNOOP\r\n").await;
    device.expect_reply("150 ").await;
    data.write_all(&pattern(BYTES)).await.unwrap();
    drop(data);
    for reply in ["226 ", "257 ", "213 700000", "200 "] {
        device.expect_reply(reply).await;
    }
}

/// A STOR of which some bytes have arrived, and lie on the disk.
async fn half_stored(server: &Running) -> (Device, tokio::net::TcpStream) {
    let mut device = server.logged_in().await;
    let mut data = device.passive().await;
    device.expect("STOR a", "150 ").await;
    data.write_all(&pattern(BYTES)).await.unwrap();
    // Bytes that have been counted may still be in a socket between the edge and the disk.
    let arrived = async {
        while !device.ask("STAT").await.contains("700000 bytes moved") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(arrived).await;
    server.something_under_way().await;
    (device, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_gets_426_and_leaves_nothing() {
    let server = start().await;
    let (mut device, data) = half_stored(&server).await;
    reset_on_close(&data);
    drop(data);
    let said = device.expect_reply("426 ").await;
    assert!(said.contains("reset"), "{said}");
    server.nothing_under_way().await;
    assert_eq!(server.outbox(), []);
    assert!(device.store("b", b"1").await.starts_with("226 "), "the session did not go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_control_connection_breaks_the_upload_off() {
    let server = start().await;
    let (device, mut data) = half_stored(&server).await;
    drop(device);
    server.nothing_under_way().await;
    // What comes now, and the orderly end, change nothing.
    let _ = data.write_all(b"more").await;
    drop(data);
    server.stop();
    let outbox = server.folder.path().join("outbox");
    assert_eq!(std::fs::read_dir(outbox).unwrap().count(), 0);
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_dies_leaves_nothing_whichever_connection_ends_first() {
    let server = start().await;
    // The disk takes long enough for the loss of the control connection to be seen, even where this thread has to wait between the two.
    server.spool.look(|point| {
        if point == "sealed" {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    for _ in 0..20 {
        let (device, data) = half_stored(&server).await;
        // As the kernel does it for a process that was killed: one after the other, at once.
        drop(data);
        drop(device);
    }
    server.nothing_under_way().await;
    assert_eq!(server.outbox(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn abor_ends_an_upload_and_leaves_nothing() {
    let server = start().await;
    let (mut device, data) = half_stored(&server).await;
    device.send("ABOR\r\n").await;
    device.expect_reply("426 ").await;
    device.expect_reply("226 ").await;
    drop(data);
    assert_eq!(server.outbox(), []);
    assert!(device.store("b", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn abor_counts_before_the_end_of_the_data_that_follows_it() {
    let server = start().await;
    for _ in 0..20 {
        let (mut device, data) = half_stored(&server).await;
        device.send("ABOR\r\n").await;
        drop(data);
        device.expect_reply("426 ").await;
        device.expect_reply("226 ").await;
    }
    assert_eq!(server.outbox(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn abor_ends_downloads() {
    let server = start().await;
    let mut device = server.logged_in().await;
    // More than the sockets between here and the disk can hold.
    assert!(device.store("a", &pattern(30_000_000)).await.starts_with("226 "));
    for command in ["RETR a", "RETR a"] {
        let data = device.passive().await;
        device.expect(command, "150 ").await;
        device.send("ABOR\r\n").await;
        device.expect_reply("426 ").await;
        device.expect_reply("226 ").await;
        drop(data);
    }
    assert_eq!(device.fetch("NLST").await, b"a\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_download_gets_426() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a", &pattern(30_000_000)).await.starts_with("226 "));
    let mut data = device.passive().await;
    device.expect("RETR a", "150 ").await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    reset_on_close(&data);
    drop(data);
    device.expect_reply("426 ").await;
    device.expect("NOOP", "200 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_nobody_reads_does_not_hang_the_session() {
    let server = start_with(|config| config.limits.stall = Duration::from_millis(300)).await;
    let mut device = server.logged_in().await;
    let data = device.passive().await;
    reset_on_close(&data);
    drop(data);
    device.expect("LIST", "150 ").await;
    let said = device.reply().await;
    assert!(said.starts_with("426 ") || said.starts_with("226 "), "{said}");
    device.expect("PWD", "257 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_gets_426() {
    let server = start_with(|config| config.limits.stall = Duration::from_millis(300)).await;
    let mut device = server.logged_in().await;
    let mut data = device.passive().await;
    device.expect("STOR a", "150 ").await;
    data.write_all(b"half").await.unwrap();
    let said = device.expect_reply("426 ").await;
    assert!(said.contains("no data moved for 300ms"), "{said}");
    server.nothing_under_way().await;
    assert_eq!(server.outbox(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_download_gets_426() {
    let server = start_with(|config| config.limits.stall = Duration::from_millis(300)).await;
    let mut device = server.logged_in().await;
    assert!(device.store("a", &pattern(30_000_000)).await.starts_with("226 "));
    let _data = device.passive().await;
    device.expect("RETR a", "150 ").await;
    device.expect_reply("426 ").await;
    device.expect("NOOP", "200 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_is_told_why() {
    let server = start().await;
    let mut device = server.logged_in().await;
    let said = device.store("no/such/folder", b"12345").await;
    assert!(said.starts_with("553 "), "{said}");
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passive_port_never_dialled_gets_425_while_others_go_on() {
    let wait = Duration::from_millis(700);
    let server = start_with(|config| config.passive.wait = wait).await;
    let mut device = server.logged_in().await;
    let mut other = server.logged_in().await;
    device.epsv().await;
    let started = Instant::now();
    device.send("STOR a\r\n").await;
    assert!(other.store("b", &pattern(1000)).await.starts_with("226 "));
    assert!(started.elapsed() < wait, "the other session had to wait");
    let said = device.expect_reply("425 ").await;
    assert!(started.elapsed() >= wait && said.contains("127.0.0.1"), "{said}");
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_cannot_be_dialled_gets_425_with_the_cause() {
    let server = start().await;
    let mut device = server.logged_in().await;
    let listener = device.active().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let said = device.ask("STOR a").await;
    assert_eq!(said, format!("425 No data connection: cannot connect to 127.0.0.1 port {port}: connection refused"));
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_holed_device_gets_425_while_others_go_on() {
    let limit = Duration::from_millis(700);
    let server = start_with(|config| config.active.connect = limit).await;
    // A listener whose queue is full answers no more SYNs, as a firewall that drops them would.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let hole = socket.listen(1).unwrap();
    let mut held = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(hole.local_addr().unwrap())).await
    {
        held.push(stream);
    }

    let mut device = server.logged_in().await;
    let mut other = server.logged_in().await;
    let [p1, p2] = hole.local_addr().unwrap().port().to_be_bytes();
    device.expect(&format!("PORT 127,0,0,1,{p1},{p2}"), "200 ").await;
    let started = Instant::now();
    device.send("STOR a\r\n").await;
    assert!(other.store("b", &pattern(1000)).await.starts_with("226 "));
    assert!(started.elapsed() < limit, "the other session had to wait");
    let said = device.expect_reply("425 ").await;
    assert!(said.contains("no answer within 700ms"), "{said}");
    device.expect("NOOP", "200 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abor_ends_the_wait_for_a_device() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.epsv().await;
    device.send("STOR a\r\nABOR\r\n").await;
    device.expect_reply("425 ").await;
    device.expect_reply("226 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_uploads_leave_no_descriptor_behind() {
    let server = start().await;
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut device = server.logged_in().await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
    let names: Vec<_> = (0..50).map(|at| format!("a{at}")).collect();
    let before = open();
    for name in &names {
        assert!(device.store(name, b"1").await.starts_with("226 "));
    }
    // Other tests of this process open and close some meanwhile: a leak of one an upload would still show.
    assert!(open() < before + 40, "{} descriptors became {}", before, open());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_quit_and_hangs_up_has_uploaded() {
    let server = start().await;
    let (mut device, data) = half_stored(&server).await;
    device.send("QUIT\r\n").await;
    device.control.shutdown().await.unwrap();
    drop(data);
    device.expect_reply("226 ").await;
    assert_eq!(server.outbox(), [("/a".to_owned(), pattern(BYTES))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_devices_of_one_address_share_a_few_ports() {
    let server = start().await;
    let uploads = (0..60).map(|at| {
        let address = server.address;
        tokio::spawn(async move {
            let mut device = Device::connect(address).await;
            device.expect_reply("220 ").await;
            device.log_in().await;
            let reply = device.store(&format!("a{at}"), &pattern(10_000 + at)).await;
            assert!(reply.starts_with("226 "), "{reply}");
        })
    });
    for upload in uploads.collect::<Vec<_>>() {
        within(upload).await.unwrap();
    }
    let mut lengths: Vec<_> = server.outbox().into_iter().map(|(_, bytes)| bytes.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, (0..60).map(|at| 10_000 + at).collect::<Vec<_>>());
}
