use super::Reserve;

#[test]
fn the_last_quarter_is_kept() {
    let file = tempfile::tempfile().unwrap();
    let number = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    assert!(Reserve::of(number).holds(&file));
    assert!(!Reserve::of((number + 1) * 2).holds(&file));
    assert!(!Reserve::of(u64::MAX).holds(&file));
}
