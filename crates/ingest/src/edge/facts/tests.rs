use super::Facts;

const ENTRY: &str = "type=file;size=5;modify=20260101000000; size=7;  type=dir; x\r\n";

fn check(list: &str, expected: &str) {
    let facts = Facts::of(list);
    let mut chosen = facts.chosen().unwrap();
    // However the list is cut into pieces.
    for length in 1..=ENTRY.len() {
        let pieces = ENTRY.as_bytes().chunks(length).flat_map(|piece| chosen.convert(piece));
        assert_eq!(String::from_utf8(pieces.collect()).unwrap(), expected, "{list} in pieces of {length}");
    }
    let reply = facts.chosen_of_reply(format!("250- Listing\r\n {ENTRY}250 End\r\n").as_bytes());
    assert_eq!(String::from_utf8(reply).unwrap(), format!("250- Listing\r\n {expected}250 End\r\n"));
}

#[test]
fn facts_that_are_not_wanted_are_left_out_and_names_stay() {
    check("size;", "size=5; size=7;  type=dir; x\r\n");
    check("MODIFY;type;", "type=file;modify=20260101000000; size=7;  type=dir; x\r\n");
    check("", " size=7;  type=dir; x\r\n");
    check("unique;perm;", " size=7;  type=dir; x\r\n");
}

#[test]
fn all_facts_need_no_change() {
    assert!(Facts::default().chosen().is_none());
    assert!(Facts::of("type;unique;modify;size").chosen().is_none());
    assert_eq!(Facts::default().starred(), "type*;size*;modify*;");
    let some = Facts::of("size;type;");
    assert_eq!((some.starred().as_str(), some.told().as_str()), ("type*;size*;modify;", "type;size;"));
}
