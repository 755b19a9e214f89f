use super::*;

#[test]
fn durations_are_rounded_up_to_seconds_and_capped() {
    let check = |duration, expected| assert_eq!(seconds(duration, 20), expected);
    check(Duration::ZERO, 0);
    check(Duration::from_millis(1), 1);
    check(Duration::from_secs(3), 3);
    check(Duration::from_secs(21), 20);
    check(Duration::from_secs(u64::MAX), 20);
}

#[test]
fn failed_entries_are_named_by_their_receipts() {
    let failed =
        |id: &str| BatchResultErrorEntry::builder().id(id).sender_fault(true).code("ReceiptHandleIsInvalid").build().unwrap();
    let batch = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    assert_eq!(named(&batch, &[failed("2"), failed("0")]), ["c", "a"]);
    assert_eq!(named(&batch, &[failed("3"), failed("x")]), Vec::<String>::new());
}

#[test]
fn a_redrive_policy_is_read_however_its_number_is_written() {
    for number in ["10", "\"10\""] {
        let policy = format!("{{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:1:dead\",\"maxReceiveCount\":{number}}}");
        assert_eq!(receives_max(&policy).unwrap(), 10);
    }
    for bad in ["", "{}", "{\"maxReceiveCount\":null}", "{\"maxReceiveCount\":\"-1\"}"] {
        assert!(receives_max(bad).is_err(), "{bad}");
    }
}
