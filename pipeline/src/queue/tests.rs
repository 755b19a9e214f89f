use super::*;

#[test]
fn the_keys_of_an_event_are_told_as_the_lake_has_them() {
    let golden = include_str!("../../../tests/golden/upload-event.json");
    assert_eq!(keys(golden), ["raw/dt=2026-11-21/device=station-7/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1.dat"]);
    for body in ["no event", "[]", "{\"Event\": \"s3:TestEvent\"}", "{\"Records\": [{}, 7]}"] {
        assert_eq!(keys(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn letters_are_chosen_by_a_part_of_their_key() {
    let letter = |body: &str| Letter {
        id: String::new(),
        keys: keys(body),
        sent_at: None,
        died_at: None,
        deliveries: 1,
        cause: None,
        body: body.to_owned(),
    };
    let (golden, other) = (letter(include_str!("../../../tests/golden/upload-event.json")), letter("no event"));
    for (all, key, expected) in [
        (true, None, [true, true]),
        (false, Some("01KAKXQ6W0M3Y2T9GQ4V8R5ZJA"), [true, false]),
        (false, Some("device=station-7/"), [true, false]),
        (false, Some("device=station-8/"), [false, false]),
    ] {
        let which = Which { all, key: key.map(str::to_owned) };
        assert_eq!([which.takes(&golden), which.takes(&other)], expected, "{key:?}");
    }
}
