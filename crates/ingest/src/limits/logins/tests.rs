use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A site's address, an attacker's, and one more.
const SITE: &str = "192.0.2.7";
const STRANGER: &str = "198.51.100.9";

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = crate::harness::limits();
    limits.failed_logins_per_account = 10;
    limits.failed_logins_per_address = 300;
    limits.lockout = 300 * SECOND;
    change(&mut limits);
    limits
}

/// Logins whose clock stands still until it is told to go on.
struct Bench {
    logins: Logins,
    now: Instant,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        Self { logins: Logins::new(&limits(change)), now: Instant::now() }
    }

    /// Tries a password, and says why it was not looked at.
    fn try_from(&self, client: &str, account: &str, right: bool) -> Option<&'static str> {
        let client = client.parse().unwrap();
        if let Err(refused) = self.logins.attempt(client, account, self.now) {
            return Some(refused.reason.as_str());
        }
        if right {
            self.logins.right(client, account, self.now);
        } else {
            self.logins.wrong(client, account, self.now);
        }
        None
    }

    fn wrong(&self, client: &str, account: &str, times: usize) {
        for time in 0..times {
            assert_eq!(self.try_from(client, account, false), None, "{account} from {client}, time {time}");
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

#[test]
fn wrong_logins_lock_an_account_out_whether_or_not_there_is_one_and_the_lockout_ends() {
    let mut bench = Bench::new(|_| {});
    for account in ["there-is-one", "there-is-none"] {
        bench.wrong(STRANGER, account, 10);
        assert_eq!(bench.try_from(STRANGER, account, false), Some("account_locked"));
        assert_eq!(bench.try_from(SITE, account, true), Some("account_locked"));
    }
    // Trying again does not make it longer.
    bench.pass(299 * SECOND);
    assert_eq!(bench.try_from(SITE, "there-is-one", true), Some("account_locked"));
    bench.pass(2 * SECOND);
    assert_eq!(bench.try_from(SITE, "there-is-one", true), None);
    bench.wrong(STRANGER, "there-is-none", 10);
    assert_eq!(bench.try_from(STRANGER, "there-is-none", false), Some("account_locked"));
}

#[test]
fn wrong_logins_lock_an_address_out() {
    let mut bench = Bench::new(|_| {});
    for guess in 0..300 {
        bench.wrong(STRANGER, &format!("guess-{guess}"), 1);
    }
    assert_eq!(bench.try_from(STRANGER, "another", false), Some("address_locked"));
    assert_eq!(bench.try_from(STRANGER, "right", true), Some("address_locked"));
    assert_eq!(bench.try_from(SITE, "right", true), None);
    bench.pass(301 * SECOND);
    assert_eq!(bench.try_from(STRANGER, "right", true), None);
}

#[test]
fn wrong_logins_right_under_the_rate_lock_nobody_out() {
    let mut bench = Bench::new(|_| {});
    for _ in 0..1000 {
        bench.wrong(SITE, "slow", 1);
        bench.pass(6 * SECOND);
    }
}

#[test]
fn two_hundred_devices_behind_one_address_are_not_hurt_by_those_among_them_that_have_wrong_passwords() {
    let mut bench = Bench::new(|_| {});
    // After a power cut all come back at once, ten of them with a password that was changed.
    let come = |bench: &Bench| {
        for device in 0..190 {
            assert_eq!(bench.try_from(SITE, &format!("device-{device}"), true), None);
        }
    };
    come(&bench);
    for _ in 0..600 {
        for device in 190..200 {
            bench.try_from(SITE, &format!("device-{device}"), false);
        }
        bench.pass(SECOND);
    }
    assert_eq!(bench.try_from(SITE, "device-199", true), Some("account_locked"));
    come(&bench);
}

#[test]
fn a_device_that_was_right_from_where_it_is_answers_for_itself_alone() {
    let bench = Bench::new(|_| {});
    assert_eq!(bench.try_from(SITE, "station", true), None);
    bench.wrong(STRANGER, "station", 10);
    assert_eq!(bench.try_from(STRANGER, "station", false), Some("account_locked"));
    assert_eq!(bench.try_from(SITE, "station", true), None);
    // A guesser behind the same address has no more guesses than one elsewhere.
    bench.wrong(SITE, "station", 10);
    assert_eq!(bench.try_from(SITE, "station", true), Some("account_locked"));
}

#[test]
fn logins_over_the_rate_wait_and_nobody_is_locked_out_for_them() {
    let mut bench = Bench::new(|limits| {
        limits.logins_per_account = 6;
        limits.logins_per_address = 12;
    });
    let accept = |bench: &Bench, account| (0..20).take_while(|_| bench.try_from(SITE, account, true).is_none()).count();
    assert_eq!(accept(&bench, "a"), 6);
    assert_eq!(bench.try_from(SITE, "a", true), Some("account_rate"));
    // What was refused for its account counted for its address: a runaway is one wherever it is stopped.
    assert_eq!(accept(&bench, "b"), 4);
    assert_eq!(bench.try_from(SITE, "b", true), Some("address_rate"));
    bench.pass(10 * SECOND);
    assert_eq!(bench.try_from(SITE, "a", true), None);
}

#[test]
fn health_checks_are_not_counted() {
    let bench = Bench::new(|limits| limits.exempt = vec!["192.0.2.0/24".parse().unwrap()]);
    bench.wrong(SITE, "probe", 1000);
    assert_eq!(bench.try_from(STRANGER, "probe", true), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let bench = Bench::new(|limits| limits.failed_logins_per_address = u32::MAX);
    for guess in 0..REMEMBERED_MAX * 2 {
        bench.logins.wrong(STRANGER.parse().unwrap(), &format!("guess-{guess}"), bench.now);
    }
    let memory = bench.logins.memory.lock().unwrap();
    let remembered = |book: &Book<Record>| book.len();
    assert!(remembered(&memory.accounts) <= REMEMBERED_MAX);
    assert_eq!((remembered(&memory.addresses), remembered(&memory.known)), (1, 0));
}
