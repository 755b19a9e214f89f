//! Whole files with bytes turned, cut, doubled and put in: whatever comes of it, nothing panics and nothing is counted twice.
//!
//! PROPTEST_CASES=1000000 makes a long run of it.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::properties::check_shape;
use super::{Formats, formats, parse};

/// Files of our own making, one for each parser of text and of bytes.
const FILES: [(&str, &[u8]); 11] = [
    ("/a.dat", include_bytes!("../../../../../tests/data/toa5-hourly.dat")),
    ("/a.csv", include_bytes!("../../../../../tests/data/greenhouse.csv")),
    ("/a.lp", include_bytes!("../../../../../tests/data/weir.lp")),
    ("/a.ndjson", include_bytes!("../../../../../tests/data/meadow.ndjson")),
    ("/a.json", include_bytes!("../../../../../tests/data/pack.senml")),
    ("/a.json", include_bytes!("../../../../../tests/data/inverter.json")),
    ("/a.json", include_bytes!("../../../../../tests/data/log.json")),
    ("/a.json", include_bytes!("../../../../../tests/data/orchard.csijson")),
    ("/a.prom", include_bytes!("../../../../../tests/data/boiler.prom")),
    ("/a.om", include_bytes!("../../../../../tests/data/pump.om")),
    ("/a.dat", include_bytes!("../../../../../tests/data/weir-tob3.dat")),
];

/// One thing that happens to a file on its way; places are parts of its length, in 65536ths.
#[derive(Clone, Debug)]
enum Damage {
    Turn(u16, u8),
    Insert(u16, Vec<u8>),
    Remove(u16, u8),
    Double(u16, u8, u16),
    Cut(u16),
}

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop::sample::select(vec![
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        "\r\n",
        "/",
        ".",
        "-",
        "e999",
        "9999999999",
        "null",
        "\\u0000",
        "\0",
        "\u{feff}",
        "é",
        "# EOF\n",
        "NaN",
    ]);
    prop_oneof![
        3 => (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Damage::Turn(at, byte)),
        3 => (any::<u16>(), word).prop_map(|(at, word)| Damage::Insert(at, word.as_bytes().to_vec())),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (any::<u16>(), any::<u8>(), any::<u16>()).prop_map(|(at, length, to)| Damage::Double(at, length, to)),
        1 => any::<u16>().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |part: u16, length: usize| usize::from(part) * length / 65536;
        let length = bytes.len();
        match self {
            _ if bytes.is_empty() => {}
            Self::Turn(at, byte) => bytes[place(*at, length)] = *byte,
            Self::Insert(at, word) => {
                let at = place(*at, length);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Remove(at, count) => {
                let at = place(*at, length);
                bytes.drain(at..(at + usize::from(*count)).min(length));
            }
            Self::Double(at, count, to) => {
                let (at, to) = (place(*at, length), place(*to, length));
                let copied = bytes[at..(at + usize::from(*count)).min(length)].to_vec();
                bytes.splice(to..to, copied);
            }
            Self::Cut(at) => bytes.truncate(place(*at, length)),
        }
    }
}

static ALL: LazyLock<Formats> = LazyLock::new(formats);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_to_a_file_makes_it_panic(file in 0..FILES.len(), damages in prop::collection::vec(damage(), 1..6)) {
        let (path, bytes) = FILES[file];
        let mut bytes = bytes.to_vec();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        if let Ok(parsed) = parse(&ALL, path, &bytes) {
            check_shape(&parsed, bytes.len());
        }
    }
}
