use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use tempfile::TempDir;
use unftp_core::auth::{Authenticator, Credentials, UserDetailProvider};

use super::*;

fn opened() -> (TempDir, Accounts) {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(&folder.path().join("accounts.toml")).unwrap();
    (folder, accounts)
}

fn new(password: &str) -> NewAccount {
    NewAccount { password: Some(password.into()), ..NewAccount::default() }
}

fn names(accounts: &Accounts) -> Vec<String> {
    accounts.list().unwrap().into_iter().map(|account| account.name).collect()
}

#[tokio::test]
async fn an_account_is_added_verified_listed_and_removed() {
    let (folder, accounts) = opened();
    let station = NewAccount { device: Some("st-7".into()), zone: Some("Europe/Berlin".into()), ..new("one") };
    accounts.add("station", station).unwrap();
    accounts.add("demo", new("two")).unwrap();
    let expected = Account {
        name: "station".into(),
        device: "st-7".into(),
        zone: Some("Europe/Berlin".into()),
        modes: Mode::ALL.to_vec(),
        passive_address: None,
        quota: None,
        certificate: None,
        certificate_subject: None,
    };
    assert_eq!(accounts.verify("station", "one").await, Some(expected.clone()));
    assert_eq!(accounts.verify("demo", "two").await.unwrap().device, "demo");
    assert_eq!(accounts.verify("demo", "one").await, None);
    assert_eq!(accounts.verify("nobody", "one").await, None);
    assert_eq!(accounts.list().unwrap()[0], expected);
    assert!(matches!(accounts.add("demo", new("x")), Err(AccountsError::Exists(_))));

    accounts.remove("station").unwrap();
    assert_eq!(names(&accounts), ["demo"]);
    assert_eq!(accounts.verify("station", "one").await, None);
    assert!(matches!(accounts.remove("station"), Err(AccountsError::Missing(_))));

    let path = folder.path().join("accounts.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !text.contains("two"), "{text}");
}

#[tokio::test]
async fn another_password_takes_the_place_of_the_one_before() {
    let (_folder, accounts) = opened();
    accounts.add("station", NewAccount { zone: Some("Europe/Berlin".into()), ..new("one") }).unwrap();
    let account = accounts.verify("station", "one").await.unwrap();
    accounts.set_password("station", "two").unwrap();
    // The right one of before was remembered.
    assert_eq!(accounts.verify("station", "one").await, None);
    assert_eq!(accounts.verify("station", "two").await, Some(account));
    assert!(matches!(accounts.set_password("nobody", "two"), Err(AccountsError::Missing(_))));
    let certified = NewAccount { certificate_subject: Some("CN=pump-7".into()), ..NewAccount::default() };
    accounts.add("certified", certified).unwrap();
    assert!(matches!(accounts.set_password("certified", "two"), Err(AccountsError::Refused(_))));
    assert_eq!(accounts.verify("certified", "two").await, None);
}

#[tokio::test]
async fn changes_of_another_process_are_seen_at_the_next_login() {
    let (folder, accounts) = opened();
    assert_eq!(accounts.verify("demo", "one").await, None);
    let other = Accounts::open(&folder.path().join("accounts.toml")).unwrap();
    other.add("demo", new("one")).unwrap();
    assert!(accounts.verify("demo", "one").await.is_some());
    other.remove("demo").unwrap();
    other.add("demo", new("two")).unwrap();
    assert!(accounts.verify("demo", "one").await.is_none());
    assert!(accounts.verify("demo", "two").await.is_some());
    fs::remove_file(folder.path().join("accounts.toml")).unwrap();
    assert!(accounts.verify("demo", "two").await.is_none());
}

#[tokio::test]
async fn a_file_that_was_spoilt_leaves_the_accounts_that_were_good() {
    let (folder, accounts) = opened();
    accounts.add("demo", new("one")).unwrap();
    assert!(accounts.verify("demo", "one").await.is_some());
    fs::write(folder.path().join("accounts.toml"), "[[account]\n").unwrap();
    assert!(accounts.verify("demo", "one").await.is_some());
    assert!(accounts.add("other", new("two")).is_err());
    assert!(accounts.list().is_err());
}

#[tokio::test]
async fn a_login_that_was_right_is_not_hashed_again() {
    let (folder, accounts) = opened();
    accounts.add("demo", new("one")).unwrap();
    assert!(accounts.verify("demo", "one").await.is_some());
    // From here on nothing can be hashed.
    accounts.checks.close();
    assert!(accounts.verify("demo", "one").await.is_some());
    assert!(accounts.verify("demo", "two").await.is_none());
    let other = Accounts::open(&folder.path().join("accounts.toml")).unwrap();
    other.remove("demo").unwrap();
    assert!(accounts.verify("demo", "one").await.is_none());
    other.add("demo", new("one")).unwrap();
    assert!(accounts.verify("demo", "one").await.is_none());
}

#[test]
fn adds_at_once_lose_nothing() {
    let (folder, _) = opened();
    let path = folder.path().join("accounts.toml");
    let add = |n: usize| Accounts::open(&path).unwrap().add(&format!("station-{n}"), new("one"));
    std::thread::scope(|scope| {
        let adds: Vec<_> = (0..8).map(|n| scope.spawn(move || add(n))).collect();
        adds.into_iter().for_each(|add| add.join().unwrap().unwrap());
    });
    let mut names = names(&Accounts::open(&path).unwrap());
    names.sort();
    assert_eq!(names, (0..8).map(|n| format!("station-{n}")).collect::<Vec<_>>());
}

/// `sudo inlet account add` beside a service that runs under a name of its own.
#[test]
fn what_root_writes_belongs_to_whom_the_directory_belongs_to() {
    let (folder, accounts) = opened();
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        return; // Others make files of their own, and can give them to nobody.
    }
    chown(folder.path(), Some(12_345), Some(12_346)).unwrap();
    let owner_of = |name: &str| fs::metadata(folder.path().join(name)).map(|file| (file.uid(), file.gid())).unwrap();
    accounts.add("demo", new("one")).unwrap();
    assert_eq!([owner_of("accounts.toml"), owner_of("accounts.toml.lock")], [(12_345, 12_346); 2]);
    chown(folder.path().join("accounts.toml"), Some(12_347), Some(12_348)).unwrap();
    accounts.remove("demo").unwrap();
    assert_eq!(owner_of("accounts.toml"), (12_347, 12_348));
}

#[test]
fn names_devices_and_zones_are_checked() {
    let (_folder, accounts) = opened();
    let refused = |name: &str, device: Option<&str>, zone: Option<&str>| {
        let (device, zone) = (device.map(Into::into), zone.map(Into::into));
        let new = NewAccount { device, zone, ..new("x") };
        matches!(accounts.add(name, new), Err(AccountsError::Refused(_)))
    };
    for name in ["", ".hidden", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
        assert!(refused(name, None, None) && refused("ok", Some(name), None), "{name:?}");
    }
    assert!(refused("ok", None, Some("Europe/Nowhere")) && refused("ok", None, Some("+02:00")));
    assert!(!refused("A-z_0.9", Some("S-1"), Some("Asia/Tokyo")));
}

#[tokio::test]
async fn modes_and_the_passive_address_are_an_accounts_own() {
    let (folder, accounts) = opened();
    accounts.add("plain", new("x")).unwrap();
    let (modes, passive_address) = (Some(vec![Mode::Active]), Some(Address::Auto));
    accounts.add("own", NewAccount { modes, passive_address, ..new("x") }).unwrap();
    let written = fs::read_to_string(folder.path().join("accounts.toml")).unwrap();
    assert!(written.contains("modes = [\"active\"]") && written.contains("passive_address = \"auto\""), "{written}");
    let plain = accounts.named("plain").await.unwrap();
    assert_eq!((plain.modes, plain.passive_address), (Mode::ALL.to_vec(), None));
    let own = accounts.named("own").await.unwrap();
    assert_eq!((own.modes, own.passive_address), (vec![Mode::Active], Some(Address::Auto)));

    let passive_address = Some("ftp.example.org".parse().unwrap());
    accounts.add("named", NewAccount { passive_address, ..new("x") }).unwrap();
    let named = accounts.named("named").await.unwrap();
    assert_eq!(named.passive_address, Some(Address::Name("ftp.example.org".into())));

    let refused = |new| matches!(accounts.add("bad", new), Err(AccountsError::Refused(_)));
    assert!(refused(NewAccount { modes: Some(Vec::new()), ..new("x") }));
}

/// The file, and what its error must and must not say.
fn check_content(text: &str, line: &str, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.toml");
    fs::write(&path, text).unwrap();
    let error = Accounts::open(&path).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(error.to_string().starts_with(&format!("{}:{line}: ", path.display())), "{told}");
    assert!(told.contains(says) && !told.contains("s3cret"), "{told}");
}

#[test]
fn what_is_wrong_in_the_file_is_named_and_no_password_is_shown() {
    let hash = Hash::of("x").unwrap();
    let good = format!("[[account]]\nname = \"demo\"\ndevice = \"demo\"\npassword = \"{}\"\n", hash.as_str());
    check_content(&format!("{good}pasword = \"s3cret\"\n"), "5", "unknown field `pasword`");
    check_content("[[acount]]\n", "1", "unknown field `acount`");
    check_content("[[account]]\nname = \"demo\"\npassword = \"s3cret\"\n", "1", "missing field `device`");
    check_content("[[account]]\nname = \"demo\"\ndevice = \"demo\"\npassword = \"s3cret\"\n", "0", "not an argon2id hash");
    check_content("[[account]]\nname = \"demo\"\ndevice = \"de mo\"\npassword = \"s3cret\"\n", "0", "\"de mo\"");
    check_content("[[account]]\npassword = \"s3cret\n", "2", "string");
    check_content(&good.repeat(2), "0", "twice");
}

#[test]
fn no_password_is_shown() {
    let (_folder, accounts) = opened();
    accounts.add("demo", new("s3cret")).unwrap();
    let shown = format!("{accounts:?} {:?} {:?}", new("s3cret"), accounts.list().unwrap());
    assert!(!shown.contains("s3cret") && !shown.contains("argon2"), "{shown}");
}

#[tokio::test]
async fn libunftp_is_told_who_has_logged_in_and_nobody_else() {
    let (_folder, accounts) = opened();
    accounts.add("demo", new("one")).unwrap();
    let account = accounts.verify("demo", "one").await.unwrap();
    let login = LoggedIn::new(account.clone());
    let principal = login.authenticate("demo", &Credentials::from("")).await.unwrap();
    assert_eq!(login.provide_user_detail(&principal).await.unwrap(), account);
    assert!(login.authenticate("other", &Credentials::from("one")).await.is_err());
}
