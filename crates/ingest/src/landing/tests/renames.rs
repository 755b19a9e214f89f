//! Temporary names and final ones.

use super::*;

#[tokio::test]
async fn a_temporary_name_is_published_when_it_becomes_final_and_only_then() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat.tmp", b"hello ").await.unwrap();
    bench.put(Verb::Appe, "x.dat.tmp", b"world").await.unwrap();
    bench.rename("x.dat.tmp", "x.dat.PART").await.unwrap();
    assert_eq!(bench.outbox(), []);
    bench.rename("x.dat.PART", "x.dat").await.unwrap();
    bench.rename("x.dat", "y.dat").await.unwrap();
    assert_eq!((bench.read("y.dat"), names(&bench.home(""))), (b"hello world".to_vec(), vec!["y.dat".to_owned()]));
    let [(record, bytes)] = &bench.outbox()[..] else { panic!() };
    assert_eq!(bytes, b"hello world");
    assert_eq!((&record["path"], &record["verb"]), (&Value::from("/x.dat"), &Value::from("RNTO")));
    assert_eq!(record["sha256"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    bench.nothing_under_way();
}

#[tokio::test]
async fn a_directory_is_renamed_with_what_is_in_it() {
    let bench = Bench::new();
    fs::create_dir(bench.home("new.tmp")).unwrap();
    bench.put(Verb::Stor, "/new.tmp/x.dat", b"x").await.unwrap();
    bench.rename("/new.tmp", "/done").await.unwrap();
    assert_eq!(bench.read("done/x.dat"), b"x");
    assert_eq!(bench.outbox().len(), 1);
    assert_eq!(bench.rename("/done", "/done/deeper").await.unwrap_err().kind(), ErrorKind::PermanentFileNotAvailable);
}

#[tokio::test]
async fn what_cannot_be_renamed_is_not_published() {
    let bench = Bench::new();
    fs::create_dir(bench.home("folder")).unwrap();
    bench.put(Verb::Stor, "x.tmp", b"x").await.unwrap();
    for (from, to) in [("x.tmp", "missing/x.dat"), ("x.tmp", "folder"), ("y.tmp", "y.dat"), ("x.tmp", "a\u{7}b"), ("/", "z")] {
        let kind = bench.rename(from, to).await.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::PermanentFileNotAvailable | ErrorKind::FileNameNotAllowedError), "{to}: {kind}");
    }
    assert_eq!((bench.outbox(), bench.read("x.tmp")), (vec![], b"x".to_vec()));
    bench.nothing_under_way();
}

#[tokio::test]
async fn what_appends_made_too_long_is_not_published_and_stays_under_its_temporary_name() {
    let bench = Bench::new();
    let rename = async |from, to, upload_bytes_max| {
        let (mut landing, session) = bench.session();
        landing.upload_bytes_max = upload_bytes_max;
        let renamed = landing.rename(&bench.account, from, to).await;
        (renamed.map_err(|error| error.kind()), session.take_refusal())
    };
    bench.put(Verb::Stor, "x.tmp", b"hello ").await.unwrap();
    bench.put(Verb::Appe, "x.tmp", b"world").await.unwrap();
    let (refused, said) = rename("x.tmp", "x.dat", 10).await;
    assert_eq!(refused, Err(ErrorKind::ExceededStorageAllocationError));
    assert!(said.unwrap().contains("longer than 10 B"));
    assert_eq!((bench.outbox(), names(&bench.home(""))), (vec![], vec!["x.tmp".to_owned()]));
    bench.nothing_under_way();

    assert_eq!(rename("x.tmp", "y.tmp", 10).await.0, Ok(()));
    assert_eq!(rename("y.tmp", "x.dat", 11).await.0, Ok(()));
    assert_eq!((bench.outbox().len(), bench.read("x.dat")), (1, b"hello world".to_vec()));
}
