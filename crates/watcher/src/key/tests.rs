use super::*;
use crate::entry::tests::golden;

fn key(path: &str) -> Key {
    Key::raw(&Entry { path: path.to_owned(), ..golden() })
}

#[test]
fn a_raw_key_names_day_device_upload_and_file() {
    let expected = "raw/dt=2026-11-21/device=station-7/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1.dat";
    assert_eq!(Key::raw(&golden()).as_str(), expected);
}

#[test]
fn the_day_is_the_one_in_utc() {
    let landed_at = "2026-11-22T00:30:00+01:00".parse().unwrap();
    assert!(Key::raw(&Entry { landed_at, ..golden() }).as_str().starts_with("raw/dt=2026-11-21/"));
}

#[test]
fn a_long_name_keeps_its_end() {
    let name = format!("{}.dat", "ü".repeat(125));
    let key = key(&format!("/{name}"));
    let kept = key.as_str().rsplit_once('/').unwrap().1;
    assert!(kept.len() <= FILE_NAME_BYTES_MAX && kept.len() > FILE_NAME_BYTES_MAX - 4, "{}", kept.len());
    assert!(name.ends_with(kept));
}

#[test]
fn events_write_keys_as_s3_does() {
    let check = |name: &str, expected: &str| {
        assert_eq!(key(&format!("/{name}")).in_event().rsplit_once('/').unwrap().1, expected);
    };
    check("red flower.jpg", "red+flower.jpg");
    check("a+b=c%d&e#f.csv", "a%2Bb%3Dc%25d%26e%23f.csv");
    check("日報.csv", "%E6%97%A5%E5%A0%B1.csv");
    check("A-Z_0.9*", "A-Z_0.9*");
}
