use super::Reserve;

#[test]
fn the_last_quarter_is_kept() {
    let file = tempfile::tempfile().unwrap();
    let number = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    assert!(Reserve::of(number).holds(&file));
    assert!(!Reserve::of((number + 1) * 2).holds(&file));
    assert!(!Reserve::of(u64::MAX).holds(&file));
}

#[test]
fn descriptors_are_scarce_when_half_of_them_are_in_use() {
    let file = tempfile::tempfile().unwrap();
    let number = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    let check = |files_max, is_near, is_held| {
        let reserve = Reserve::of(files_max);
        assert_eq!((reserve.is_near(&file), reserve.holds(&file)), (is_near, is_held));
    };
    check(number * 2, true, false);
    check((number + 1) * 2, false, false);
    check(number, true, true);
}
