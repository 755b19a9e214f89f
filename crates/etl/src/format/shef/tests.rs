use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use crate::format::tests::{only, parse};

const DEFINITION: &str = r#"
format = "s"
table = "s"
device = { account = true }
match = { paths = ["**"] }
[shef]
"#;

/// Values as `station time code value qualifier`, and the lines that are refused.
#[track_caller]
fn check(text: &str, expected: &[&str], refused: &[(u64, &str)]) {
    let parsed = parse(&only(DEFINITION), "/a.shef", text.as_bytes()).unwrap();
    let mut values = Vec::new();
    for part in &parsed.parts {
        let (codes, numbers) = (part.columns[0].1.as_string::<i32>(), part.columns[1].1.as_primitive::<Float64Type>());
        let (qualifiers, units) = (part.columns[2].1.as_string::<i32>(), part.columns[3].1.as_string::<i32>());
        for row in 0..part.row.len() {
            let time = jiff::Timestamp::from_microsecond(part.ts.value(row)).unwrap().strftime("%m-%dT%H:%M");
            let number = if numbers.is_valid(row) { numbers.value(row).to_string() } else { "-".to_owned() };
            let qualifier = if qualifiers.is_valid(row) { qualifiers.value(row) } else { "" };
            let value =
                format!("{} {time} {} {number} {qualifier} {}", part.device.value(row), codes.value(row), units.value(row));
            values.push(value);
        }
    }
    assert_eq!(values, expected);
    assert_eq!(parsed.refused.iter().map(|one| (one.row, one.reason.as_str())).collect::<Vec<_>>(), refused);
}

#[test]
fn values_at_an_interval() {
    let text =
        "SRUS83 KKRF 011430\n: a comment\n.E KEEM8 230301 Z DH0700/DUS/TAIRZ/DIH1\n.E1 22.57/ -9999.00//M: end\n.E2 5\n\nNNNN\n";
    let expected = [
        "KEEM8 03-01T07:00 TAIRZ 22.57  SI",
        "KEEM8 03-01T08:00 TAIRZ -  SI",
        "KEEM8 03-01T10:00 TAIRZ -  SI",
        "KEEM8 03-01T11:00 TAIRZ 5  SI",
    ];
    check(text, &expected, &[]);
}

#[test]
fn whole_dates_and_quantities_may_follow_each_other() {
    let text = ".E 11276600 20130718 Z DT202301012400/QR/DID1/0.22/0.205\n.A A 20230301 Z DH07/HG 1/DY230302/HG 2/DY23030308/HG 3\n\
                .B KILG 20230920 Z DH0500 PPH/TA\nBBBD1 0.5/70\n.END\n.A B 20230301 Z DH0700 HG 4\n.A B 20230301 Z DH07/DQI 0.0\n";
    let expected = [
        "11276600 01-02T00:00 QR 0.22  English",
        "11276600 01-03T00:00 QR 0.205  English",
        "A 03-01T07:00 HG 1  English",
        "A 03-02T07:00 HG 2  English",
        "A 03-03T08:00 HG 3  English",
        "BBBD1 09-20T05:00 PPH 0.5  English",
        "BBBD1 09-20T05:00 TA 70  English",
        "B 03-01T07:00 HG 4  English",
    ];
    check(text, &expected, &[(7, "\"0.0\" has no value")]);
}

#[test]
fn one_station_at_one_time() {
    let text = ".A ALEI4 20230301 ES DH0700/HG 12.3E/QR 4.5/DH08/HG T\n.AR ALEI4 230301 Z DH0700/HG 12.4\n";
    let expected = [
        "ALEI4 03-01T12:00 HG 12.3 E English",
        "ALEI4 03-01T12:00 QR 4.5  English",
        "ALEI4 03-01T13:00 HG - T English",
        "ALEI4 03-01T07:00 HG 12.4  English",
    ];
    check(text, &expected, &[]);
}

#[test]
fn a_slash_between_quantity_and_value() {
    let text =
        ".AR BCNM3 230331 Z DH12/HPIRWZZ/ 529.52/DH13/QD/M\n.A BCNM3 230331 Z DH12/HP 1/HG/\n.A BCNM3 230331 Z DH12/HP/HG 2\n";
    let expected = ["BCNM3 03-31T12:00 HPIRWZZ 529.52  English", "BCNM3 03-31T13:00 QD -  English"];
    check(text, &expected, &[(2, "\"HG\" has no value"), (3, "\"HG 2\" is no value")]);
}

#[test]
fn many_stations_with_the_same_quantities() {
    let text = ".B DSM 230301 Z DH12/TX/TN/PP\nDES 70/ 45/ 0.1\nALO DH11/ 71//\n: x\nBAD 1/2/3/4\n.END\nfree text\n";
    let expected = [
        "DES 03-01T12:00 TX 70  English",
        "DES 03-01T12:00 TN 45  English",
        "DES 03-01T12:00 PP 0.1  English",
        "ALO 03-01T11:00 TX 71  English",
    ];
    check(text, &expected, &[(5, "4 values for 3 quantities")]);
}

#[test]
fn what_is_not_said_is_not_guessed() {
    let text = ".A ALEI4 0301 Z DH07/HG 1\n.A ALEI4 230301 Z HG 1\n.E X 230301 Z DH07/HG/1\n.E1 2\n.A X 230301 Q DH07/HG 1\n.A X 230301 DH07/HG x\n.X y\n";
    check(
        text,
        &[],
        &[
            (1, "the date \"0301\" does not say its year"),
            (2, "no time of day (DH) is given"),
            (3, "values come before their interval (DI)"),
            (4, "it continues a line that could not be read"),
            (5, "\"Q\" is no time zone of SHEF"),
            (6, "\"x\" is no value"),
            (7, "\".X\" begins no message"),
        ],
    );
}

#[test]
fn a_comment_ends_with_its_second_colon() {
    let text = ": sent at 12:05 7\n.ER KEEM8 20230301 Z DH07/HG/DIH6 :stages:\n.E1 :0301:   ::   ::/ 2.5/ 2.6\n.E2 :0302:/ 2.7 : the end\n\
                .B GRB 20230301 Z DH12/TX/TN : both in F\nDES : Des Moines : 70 / 45\n: at 10:30 1\nALO :Waterloo IA: / 44\n.END\n";
    let expected = [
        "KEEM8 03-01T07:00 HG 2.5  English",
        "KEEM8 03-01T13:00 HG 2.6  English",
        "KEEM8 03-01T19:00 HG 2.7  English",
        "DES 03-01T12:00 TX 70  English",
        "DES 03-01T12:00 TN 45  English",
        "ALO 03-01T12:00 TN 44  English",
    ];
    check(text, &expected, &[]);
}

#[test]
fn slashes_at_the_ends_of_lines() {
    let text = ".E KEEM8 20230301 Z DH07/HG/DIH1\n.E1 /1/2/\n.E2 3/4\n.E3 /5/\n.E4\n.E5 /7\n.E6 //9\n";
    let at = [(7, 1), (8, 2), (9, 3), (10, 4), (11, 5), (13, 7), (15, 9)];
    let expected = at.map(|(hour, value)| format!("KEEM8 03-01T{hour:02}:00 HG {value}  English"));
    check(text, &expected.each_ref().map(String::as_str), &[]);
}

#[test]
fn blanks_between_values() {
    let text = ".E LKWF1 20230301 Z DH00/HC/DIH1/ -0.1 -0.2\n.E1  -0.3 M \"storm\" \n.E2 0.5/ 0.6 T\n.A AA 20230301 Z DH00/HG 1 2\n\
                .A AA 20230301 Z DH00/HG   3 'by hand'\n.B DES 20230301 Z DH00/TX/TN\nDES 70 45\n.END\n";
    let expected = [
        "LKWF1 03-01T00:00 HC -0.1  English",
        "LKWF1 03-01T01:00 HC -0.2  English",
        "LKWF1 03-01T02:00 HC -0.3  English",
        "LKWF1 03-01T03:00 HC -  English",
        "LKWF1 03-01T04:00 HC 0.5  English",
        "LKWF1 03-01T05:00 HC 0.6  English",
        "LKWF1 03-01T06:00 HC - T English",
        "AA 03-01T00:00 HG 3  English",
    ];
    check(text, &expected, &[(4, "\"1 2\" is no value"), (7, "\"70 45\" is no value")]);
}
