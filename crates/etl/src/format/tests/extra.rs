//! Columns that a table has no room for, or that a definition says are rare.

use arrow::array::{Array, AsArray};

use super::super::{File, Formats, Source};
use crate::limits::Limits;
use crate::rows::{Kind, Part};

/// The first part of a file under one definition, with room for two columns.
#[track_caller]
fn part(section: &str, file: &str) -> Part {
    let text =
        format!("format = \"t\"\ntable = \"t\"\ndevice = {{ account = true }}\nmatch = {{ paths = [\"**\"] }}\n{section}\n");
    let limits = Limits { columns: 2, ..Limits::for_tests() };
    let formats = Formats::load(&[Source { file: "t.toml", text: &text }], "UTC", limits).unwrap();
    let file = File { path: "/a", device: "d", zone: None, arrived: None, bytes: file.as_bytes() };
    let mut parsed = formats.parse(&file).unwrap();
    assert!(parsed.refused.is_empty(), "{:?}", parsed.refused);
    parsed.parts.remove(0)
}

/// The columns of the table, and what is in the map of each row.
#[track_caller]
fn check(section: &str, file: &str, columns: &[&str], extra: &[Option<&str>]) {
    let part = part(section, file);
    let own: Vec<_> = part.columns.iter().filter(|(column, _)| column.kind != Kind::Extra).collect();
    assert_eq!(own.iter().map(|(column, _)| column.name.as_str()).collect::<Vec<_>>(), columns);
    let map = part.columns.iter().find(|(column, _)| column.kind == Kind::Extra).map(|(_, values)| values.as_string::<i32>());
    let told: Vec<_> = map.map(|map| map.iter().collect()).unwrap_or_default();
    assert_eq!(told, extra);
    assert!(part.columns.iter().all(|(_, values)| values.len() == part.row.len()));
}

#[test]
fn columns_behind_the_last_place_are_in_the_map_as_the_file_writes_them() {
    let keys = "[delimited]\ndelimiter = \";\"\ndecimal = \",\"\nnulls = [\"---\"]\ntimestamp = { columns = [\"time\"] }";
    let text = "time;a;b;c;d\n2026-01-01;1;2;3,50;x\n2026-01-02;1;2;---;\n2026-01-03;1;2;y;007\n";
    check(keys, text, &["a", "b"], &[Some(r#"{"c":"3,50","d":"x"}"#), None, Some(r#"{"c":"y","d":"007"}"#)]);
    check(keys, "time;a;b;c\n2026-01-01;1;2;\n", &["a", "b"], &[]);
}

#[test]
fn rare_columns_leave_their_places_to_others() {
    let keys = "extra = [\"diag *\", \"C\"]\n[delimited]\ndelimiter = \",\"\ntimestamp = { columns = [\"time\"] }";
    let text = "time,Diag x,a,c,b,d\n2026-01-01,1,2,3,4,5\n";
    check(keys, text, &["a", "b"], &[Some(r#"{"Diag x":"1","c":"3","d":"5"}"#)]);
}

#[test]
fn what_a_divisor_changes_is_never_in_the_map() {
    let keys = "extra = [\"t\"]\n[delimited]\ndelimiter = \",\"\ntimestamp = { columns = [\"time\"] }\n\
                columns = [{ name = \"t\", type = \"double\", divisor = 10 }]";
    check(keys, "time,a,t,b\n2026-01-01,1,25,x\n", &["a", "t"], &[Some(r#"{"b":"x"}"#)]);
}

#[test]
fn the_long_form_has_room_for_as_many() {
    let keys = "[delimited]\ndelimiter = \",\"\ntimestamp = { columns = [\"time\"] }\n\
                long = { parameter = \"p\", value = \"v\", unit = \"u\" }";
    let text = "time,p,v,u\n2026-01-01,a,1,m\n2026-01-01,b,2,\n2026-01-01,c,3.0,K\n2026-01-02,c,,K\n2026-01-02,a,4,m\n";
    check(keys, text, &["a", "b"], &[Some(r#"{"c [K]":"3.0"}"#), None]);
}

#[test]
fn loggers_and_trees_have_room_for_as_many() {
    let text = "\"TOA5\",\"S\",\"CR\",\"1\",\"O\",\"P\",\"1\",\"T\"\n\"TIMESTAMP\",\"RECORD\",\"A\",\"B\"\n\"TS\",\"RN\",\"V\",\"V\"\n\
                \"\",\"\",\"Avg\",\"Avg\"\n\"2026-01-01 00:00:00\",1,2,3.50\n";
    check("[toa5]", text, &["record", "a"], &[Some(r#"{"B [V]":"3.50"}"#)]);
    check(
        "[line_protocol]",
        "m,site=x a=1i,b=2,c=true 1767225600000000000\n",
        &["site", "a"],
        &[Some(r#"{"b":"2","c":"true"}"#)],
    );
}

#[test]
fn a_column_of_a_file_is_never_taken_for_the_map() {
    let keys = "[delimited]\ndelimiter = \",\"\ntimestamp = { columns = [\"time\"] }";
    check(keys, "time,extra\n2026-01-01,1\n", &["extra_2"], &[]);
}
