//! What devices see, and what they cannot reach.

use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn no_link_leads_out_of_the_home() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.tmp"), "theirs").unwrap();
    symlink(outside.path(), bench.home("out")).unwrap();
    symlink("../other", bench.home("other")).unwrap();
    fs::create_dir(bench.root.path().join("homes/other")).unwrap();
    symlink(outside.path().join("x.tmp"), bench.home("link.dat")).unwrap();
    fs::write(bench.home("mine.tmp"), "mine").unwrap();
    let (landing, _) = bench.session();
    let account = &bench.account;

    for folder in ["out", "other", "/out/../out"] {
        let (file, theirs) = (format!("{folder}/new.dat"), format!("{folder}/x.tmp"));
        assert_eq!(bench.put(Verb::Stor, &file, b"x").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(bench.put(Verb::Appe, &theirs, b"x").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(bench.rename("mine.tmp", &file).await.is_err());
        assert!(bench.rename(&theirs, "stolen.dat").await.is_err());
        assert!(landing.get(account, &theirs, 0).await.is_err());
        assert!(landing.metadata(account, &theirs).await.is_err());
        assert!(landing.list(account, folder).await.is_err());
        assert!(landing.cwd(account, folder).await.is_err());
        assert!(landing.del(account, &theirs).await.is_err());
        assert!(landing.mkd(account, format!("{folder}/new")).await.is_err());
        assert!(landing.rmd(account, folder).await.is_err());
    }
    assert!(bench.put(Verb::Appe, "link.dat", b"x").await.is_err());
    assert!(bench.put_at(Verb::Stor, "link.dat", b"x", 3).await.is_err());
    assert_eq!(bench.outbox(), []);

    // A whole file takes the place of the link, not of what it names.
    bench.put(Verb::Stor, "link.dat", b"new").await.unwrap();
    assert!(bench.home("link.dat").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(outside.path().join("x.tmp")).unwrap(), b"theirs");
    assert_eq!(names(outside.path()), ["x.tmp"]);
    assert_eq!(names(&bench.root.path().join("homes/other")), [""; 0]);
}

#[tokio::test]
async fn dots_stay_in_the_home() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "/../../../x.dat", b"x").await.unwrap();
    bench.put(Verb::Stor, "/../other/x.dat", b"x").await.unwrap_err();
    assert_eq!(bench.read("x.dat"), b"x");
    assert_eq!(bench.outbox()[0].0["path"], "/x.dat");
}

#[tokio::test]
async fn devices_find_what_they_left() {
    let bench = Bench::new();
    let (landing, _) = bench.session();
    let account = &bench.account;
    landing.mkd(account, "/data").await.unwrap();
    bench.put(Verb::Stor, "/data/b.dat", b"hello world").await.unwrap();
    bench.put(Verb::Stor, "/data/a.dat", b"").await.unwrap();

    let listed = landing.list(account, "/data").await.unwrap();
    let listed: Vec<_> = listed.iter().map(|entry| (entry.path.to_str().unwrap(), entry.metadata.len())).collect();
    assert_eq!(listed, [("a.dat", 0), ("b.dat", 11)]);
    let one = landing.list(account, "/data/b.dat").await.unwrap();
    assert_eq!((one.len(), one[0].path.to_str(), one[0].metadata.links()), (1, Some("b.dat"), 1));
    let facts = landing.metadata(account, "/data/../data/b.dat").await.unwrap();
    assert!((facts.len(), facts.is_file(), facts.uid()) == (11, true, 0) && facts.modified().is_ok());

    let mut read = String::new();
    landing.get(account, "/data/b.dat", 6).await.unwrap().read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "world");
    landing.cwd(account, "/data").await.unwrap();
    landing.cwd(account, "/data/..").await.unwrap();

    let not_found = [
        landing.metadata(account, "/c.dat").await.err(),
        landing.list(account, "/c").await.err(),
        landing.get(account, "/data", 0).await.err(),
        landing.get(account, "/c.dat", 0).await.err(),
        landing.del(account, "/c.dat").await.err(),
        landing.del(account, "/data").await.err(),
        landing.del(account, "/").await.err(),
        landing.mkd(account, "/data").await.err(),
        landing.mkd(account, "/c/d").await.err(),
        landing.rmd(account, "/c").await.err(),
    ];
    for (n, error) in not_found.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::PermanentFileNotAvailable), "{n}");
    }
    let not_there = [landing.cwd(account, "/c").await, landing.cwd(account, "/data/b.dat").await];
    assert!(not_there.into_iter().all(|error| error.unwrap_err().kind() == ErrorKind::PermanentFileNotAvailable));
    assert_eq!(landing.rmd(account, "/data").await.unwrap_err().kind(), ErrorKind::PermanentDirectoryNotEmpty);
    assert_eq!(landing.rmd(account, "/").await.unwrap_err().kind(), ErrorKind::PermissionDenied);

    landing.del(account, "/data/a.dat").await.unwrap();
    landing.del(account, "/data/b.dat").await.unwrap();
    landing.rmd(account, "/data").await.unwrap();
    assert_eq!(names(&bench.home("")), [""; 0]);
    assert_eq!(bench.outbox().len(), 3, "two uploads, and the close of the one whose last line had no end");
}

#[tokio::test]
async fn accounts_do_not_see_each_other_and_nobody_sees_anything_before_the_login() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"x").await.unwrap();
    let other = account("other");
    let (landing, session) = session(&bench.spool, &other);
    assert!(landing.list(&other, "/").await.unwrap().is_empty());
    assert!(landing.get(&other, "/../demo/x.dat", 0).await.is_err());

    let temporary = Arc::new(Temporary::new::<&str>(&[]).unwrap());
    let stranger = Landing::new(Arc::clone(&bench.spool), session, temporary, &crate::harness::limits(), None);
    assert_eq!(stranger.list(&other, "/").await.err().unwrap().kind(), ErrorKind::PermissionDenied);
}
