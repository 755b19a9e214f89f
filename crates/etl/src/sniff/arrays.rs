//! Rows of array-based Campbell loggers: no header, each row with its array's number, the year, the day of the year and the time of day.

use super::question::{Answer, Question};
use super::times::zone;
use super::{Proposal, opening};
use crate::format::File;

/// So many of a hundred lines are such rows: a few may be damaged.
const ROWS_PERCENT_MIN: usize = 90;

/// The four numbers that each row begins with, as far as they are looked at.
struct Row<'t> {
    year: &'t str,
    day: u32,
    time: &'t str,
}

/// Proposes a definition for such rows; `None` for other lines.
pub(super) fn propose(file: &File<'_>, lines: &[&str]) -> Option<Proposal> {
    let lines: Vec<&str> = lines.iter().filter(|line| !line.trim().is_empty()).copied().collect();
    let rows: Vec<Row<'_>> = lines.iter().filter_map(|line| row(line)).collect();
    // A first line that is no such row may be a header.
    let first = row(lines.first()?).filter(|_| rows.len() * 100 >= lines.len() * ROWS_PERCENT_MIN)?;
    let notation = Answer(r#"{ columns = ["year", "day", "time"], format = "%Y %j %{HHMM}" }"#.to_owned());
    // Below 32 the third number may be a month, and the fourth its day.
    let timestamp = if rows.iter().any(|row| row.day > 31) {
        Question::settled("timestamp", notation)
    } else {
        let why = "that the third number is the day of the year, and the fourth the time of day without a colon, only later days would show";
        Question::suggested("timestamp", vec![notation], why)
    };
    let zone = zone(&format!("{} {} {}", first.year, first.day, first.time));
    let device = Question::settled("device", Answer("{ account = true }".to_owned()));
    let open = [&timestamp, &zone].into_iter().filter_map(Question::open).collect();
    let definition = format!(
        "{}\n[delimited]\ndelimiter = \",\"\nheader = []\nkind = 1\n{}columns = [\n    {{ name = \"array\", type = \"skip\" }},\n    \
         {{ name = \"year\" }},\n    {{ name = \"day\" }},\n    {{ name = \"time\" }},\n]\n\
         # rest: what the columns behind them are only the logger's program says\nrest = {{ name = \"value_\", type = \"double\" }}\n",
        opening(file, &device, &zone, None).replacen("_{device}", "_{table}_{device}", 1),
        timestamp.to_toml(),
    );
    Some(Proposal { definition, open })
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.split(',').map(str::trim);
    let mut number = |digits: usize| {
        let cell = cells.next()?;
        let is_number = (1..=digits).contains(&cell.len()) && cell.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(cell)
    };
    let (_array, year, day, time) = (number(3)?, number(4)?, number(3)?, number(4)?);
    let day: u32 = day.parse().ok().filter(|day| (1..=366).contains(day))?;
    let is_clock = time.parse::<u32>().is_ok_and(|clock| clock <= 2400 && clock % 100 < 60);
    let is_year = matches!(year.get(..2)?, "19" | "20") && year.len() == 4;
    (is_year && is_clock && cells.next().is_some()).then_some(Row { year, day, time })
}
