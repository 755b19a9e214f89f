//! What a kill between any two steps leaves: the data directory as it was at that point is started again.

use std::process::Command;
use std::sync::Mutex;

use super::*;

/// The data directory as it was at each point that a landing came to.
struct Crashes {
    folder: TempDir,
    points: Arc<Mutex<Vec<&'static str>>>,
}

impl Crashes {
    /// Copies the directory at each point, with its hard links.
    fn of(bench: &Bench) -> Self {
        let crashes = Self { folder: tempfile::tempdir().unwrap(), points: Arc::default() };
        let (points, folder, root) =
            (Arc::clone(&crashes.points), crashes.folder.path().to_owned(), bench.root.path().to_owned());
        bench.spool.look(move |point| {
            let copied = Command::new("cp").arg("-a").arg(&root).arg(folder.join(point)).status().unwrap();
            assert!(copied.success());
            points.lock().unwrap().push(point);
        });
        crashes
    }

    /// Starts again at each point; says what the home's file holds and what came to the outbox after the first `before`.
    fn check(self, points: &[&str], file: &str, before: usize, expect: impl Fn(&str, Option<Vec<u8>>, &[Found])) {
        assert_eq!(*self.points.lock().unwrap(), points);
        for point in points {
            let root = self.folder.path().join(point);
            drop(Spool::open(&root).unwrap());
            assert_eq!(names(&root.join("spool")), [""; 0], "{point}");
            let found = outbox(&root);
            assert_eq!(names(&root.join("outbox")).len(), 2 * found.len(), "{point}");
            expect(point, fs::read(root.join("homes/demo").join(file)).ok(), &found[before..]);
        }
    }
}

#[tokio::test]
async fn a_whole_file_is_old_or_new_and_the_new_one_is_in_the_outbox() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"old\n").await.unwrap();
    let crashes = Crashes::of(&bench);
    bench.put(Verb::Stor, "x.dat", b"new\n").await.unwrap();
    crashes.check(&["sealed", "drafted", "published", "renamed", "settled"], "x.dat", 1, |point, file, came| {
        let landed = matches!(point, "published" | "renamed" | "settled");
        assert_eq!(came.len(), usize::from(landed), "{point}");
        assert!(came.iter().all(|(_, bytes)| bytes == b"new\n"));
        let renamed = matches!(point, "renamed" | "settled");
        assert_eq!(file.unwrap(), if renamed { b"new\n" } else { b"old\n" }, "{point}");
    });
}

#[tokio::test]
async fn an_append_happened_as_a_whole_or_not_at_all() {
    for shared in [false, true] {
        let bench = Bench::new();
        bench.put(Verb::Stor, "x.dat", b"one\n").await.unwrap();
        if !shared {
            // The watcher has forgotten the first upload.
            for name in names(&bench.root.path().join("outbox")) {
                fs::remove_file(bench.root.path().join("outbox").join(name)).unwrap();
            }
        }
        let crashes = Crashes::of(&bench);
        bench.put(Verb::Appe, "x.dat", b"two\n").await.unwrap();
        let all = ["sealed", "copied", "drafted", "appended", "published", "settled"];
        let points: Vec<_> = all.into_iter().filter(|point| shared || *point != "copied").collect();
        crashes.check(&points, "x.dat", usize::from(shared), |point, file, came| {
            let landed = matches!(point, "published" | "settled");
            assert_eq!(came.len(), usize::from(landed), "{point}");
            assert!(came.iter().all(|(record, bytes)| record["offset"] == 4 && bytes == b"two\n"));
            assert_eq!(file.unwrap(), if landed { &b"one\ntwo\n"[..] } else { &b"one\n"[..] }, "{point}");
        });
    }
}

#[tokio::test]
async fn an_acknowledged_append_to_a_temporary_name_stays() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.tmp", b"one\n").await.unwrap();
    let crashes = Crashes::of(&bench);
    bench.put(Verb::Appe, "x.tmp", b"two\n").await.unwrap();
    crashes.check(&["sealed", "drafted", "appended", "published", "settled"], "x.tmp", 0, |point, file, came| {
        let done = matches!(point, "published" | "settled");
        assert_eq!(file.unwrap(), if done { &b"one\ntwo\n"[..] } else { &b"one\n"[..] }, "{point}");
        assert_eq!(came, []);
    });
}

#[tokio::test]
async fn a_final_name_is_never_seen_before_its_upload_is_in_the_outbox() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.tmp", b"x").await.unwrap();
    let crashes = Crashes::of(&bench);
    bench.rename("x.tmp", "x.dat").await.unwrap();
    crashes.check(&["drafted", "published", "renamed", "settled"], "x.dat", 0, |point, file, came| {
        let landed = point != "drafted";
        assert_eq!(came.len(), usize::from(landed), "{point}");
        assert!(came.iter().all(|(record, bytes)| record["path"] == "/x.dat" && bytes == b"x"));
        assert_eq!(file.is_some(), matches!(point, "renamed" | "settled"), "{point}");
    });
}

#[tokio::test]
async fn a_temporary_name_is_whole_or_not_there() {
    let bench = Bench::new();
    let crashes = Crashes::of(&bench);
    bench.put(Verb::Stor, "x.tmp", b"x").await.unwrap();
    crashes.check(&["sealed", "drafted", "published", "renamed", "settled"], "x.tmp", 0, |point, file, came| {
        assert_eq!(file, matches!(point, "renamed" | "settled").then(|| b"x".to_vec()), "{point}");
        assert_eq!(came, []);
    });
}

#[tokio::test]
async fn a_close_comes_before_an_append_or_after_it() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"a\n1").await.unwrap();
    let crashes = Crashes::of(&bench);
    bench.session().0.del(&bench.account, "x.dat").await.unwrap();
    crashes.check(&["closing", "marked", "closed"], "x.dat", 1, |point, file, came| {
        assert_eq!(came.len(), usize::from(point != "closing"), "{point}");
        assert!(came.iter().all(|(record, bytes)| record["verb"] == "CLOSE" && bytes.is_empty()));
        assert_eq!(file.unwrap(), b"a\n1", "{point}");
    });
}
