use arrow::array::AsArray;
use arrow::datatypes::Float64Type;

use crate::format::tests::{only, parse};
use crate::rows::Parsed;

const DEFINITION: &str = r#"
format = "s"
table = "s_{table}"
device = { account = true }
match = { paths = ["**"] }
[solar_log]
"#;

/// Tables with their columns and the lines of their rows.
#[track_caller]
fn check(text: &str, expected: &[(&str, &str, &[i64])], refused: &[u64]) -> Parsed {
    let parsed = parse(&only(DEFINITION), "/min_day.js", text.as_bytes()).unwrap();
    let names =
        |part: &crate::rows::Part| part.columns.iter().map(|(column, _)| column.name.clone()).collect::<Vec<_>>().join(" ");
    let parts: Vec<_> = parsed.parts.iter().map(|part| (part.table.clone(), names(part), part.row.values().to_vec())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(table, names, rows)| ((*table).to_owned(), (*names).to_owned(), rows.to_vec())).collect();
    assert_eq!(parts, expected);
    assert_eq!(parsed.refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), refused);
    parsed
}

#[test]
fn each_inverter_is_a_set_of_columns() {
    let text = "m[mi++]=\"28.04.07 20:35:00|0;0;0;25781;0;0|14;35;13020;218;31\"\nm[mi++]=\"28.04.07 20:30:00|1;2;3;4;5;6|7;8;9;10;11\";\r\n";
    let names = "inv1_pac inv1_pdc1 inv1_pdc2 inv1_day_yield inv1_udc1 inv1_udc2 inv2_pac inv2_pdc1 inv2_day_yield inv2_udc1 \
                 inv2_temperature";
    let parsed = check(text, &[("s_minutes", names, &[1, 2])], &[]);
    let part = &parsed.parts[0];
    assert_eq!(part.ts.value(0) - part.ts.value(1), 300_000_000);
    assert_eq!(part.columns[10].1.as_primitive::<Float64Type>().values().to_vec(), [31.0, 11.0]);
    assert_eq!(part.columns[3].0.unit.as_deref(), Some("Wh"));
}

#[test]
fn a_plant_that_grows_begins_a_part() {
    let text =
        "da[dx++]=\"31.12.06|5291;1615|10274;3155\"\nda[dx++]=\"30.12.06|1045;315\"\nda[dx++]=\"29.12.06|546;122|718;200\"\n";
    let expected: [(&str, &str, &[i64]); 2] =
        [("s_days", "inv1_yield inv1_pac_max inv2_yield inv2_pac_max", &[1, 3]), ("s_days", "inv1_yield inv1_pac_max", &[2])];
    check(text, &expected, &[]);
    check(
        "mo[mx++]=\"01.03.06|5\"\nye[yx++]=\"01.01.06|6\"\n",
        &[("s_months", "inv1_yield", &[1]), ("s_years", "inv1_yield", &[2])],
        &[],
    );
}

#[test]
fn a_line_that_is_cut_is_refused() {
    let text = "m[mi++]=\"28.04.07 20:35:00|14;35;13020;218\"\nvar x = 1\nm[mi++]=\"28.04.07|1;2;3;4\"\nm[mi++]=\"28.04.07 20:30:00|14;35;13020;2";
    check(text, &[("s_minutes", "inv1_pac inv1_pdc1 inv1_day_yield inv1_udc1", &[1])], &[2, 3, 4]);
}
