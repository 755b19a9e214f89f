//! The words that a name in a header is made of, and whether it is a name of the time.

/// A name's words: between signs, digits and blanks, and where a capital begins one, as in `DateTime`.
pub(super) fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut before) = (0, ' ');
    for (at, character) in name.char_indices() {
        let begins = character.is_alphabetic() && !before.is_alphabetic() || character.is_uppercase() && before.is_lowercase();
        if begins || before.is_alphabetic() && !character.is_alphabetic() {
            words.extend(name.get(start..at).filter(|word| word.starts_with(char::is_alphabetic)));
            start = at;
        }
        before = character;
    }
    words.extend(name.get(start..).filter(|word| word.starts_with(char::is_alphabetic)));
    words
}

/// Whether a column that is called so has dates or times: in what languages devices speak.
pub(super) fn names_time(name: &str) -> bool {
    const TIMES: [&str; 27] = [
        "time",
        "date",
        "datetime",
        "timestamp",
        "tmstamp",
        "stamp",
        "clock",
        "datum",
        "zeit",
        "uhrzeit",
        "zeitstempel",
        "heure",
        "horodatage",
        "fecha",
        "hora",
        "tiempo",
        "tijd",
        "tijdstip",
        "dato",
        "tid",
        "tidspunkt",
        "aika",
        "czas",
        "ora",
        "orario",
        "utc",
        "gmt",
    ];
    const OTHERS: [&str; 7] = ["zone", "diff", "difference", "offset", "elapsed", "interval", "since"];
    const IN_HAN: [&str; 5] = ["日時", "日付", "時刻", "年月日", "时间"];
    let words: Vec<String> = words(name).iter().map(|word| word.to_lowercase()).collect();
    let is_among = |words: &[String], others: &[&str]| words.iter().any(|word| others.contains(&word.as_str()));
    is_among(&words, &TIMES) && !is_among(&words, &OTHERS) || IN_HAN.iter().any(|word| name.contains(word))
}
