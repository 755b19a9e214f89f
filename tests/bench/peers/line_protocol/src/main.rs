//! Parses a file by the influxdb-line-protocol crate and prints how many points it has, and the sum of the field `temperature` to two
//! decimal places. Nothing is made of the points: no columns, no times in a table's form.
//!
//! Usage: line-protocol-peer FILE

use influxdb_line_protocol::{FieldValue, parse_lines};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: line-protocol-peer FILE")?;
    let text = std::fs::read_to_string(file)?;
    let (mut points, mut sum) = (0_u64, 0.0);
    for line in parse_lines(&text) {
        let line = line?;
        points += 1;
        for (name, value) in &line.field_set {
            match value {
                FieldValue::F64(value) if *name == "temperature" => sum += value,
                _ => {}
            }
        }
    }
    println!("{points} {sum:.2}");
    Ok(())
}
