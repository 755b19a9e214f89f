//! Types that the file decides when it is read in pieces: every piece has a say, and none goes by its own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use encoding_rs::Encoding;

use crate::column::{Tally, Typing};
use crate::rows::{Column, Kind};

/// A column: its table, its place under the header, and its name there.
type Place = (String, usize, String);

/// What the pieces of a file have shown so far, beside what an earlier pass over all of them has decided.
#[derive(Debug, Default)]
pub(crate) struct Typings {
    decided: BTreeMap<Place, Kind>,
    seen: RefCell<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    columns: BTreeMap<Place, Evidence>,
    encoding: Option<&'static Encoding>,
    obstacle: Option<String>,
}

#[derive(Debug)]
struct Evidence {
    typing: Typing,
    tally: Tally,
    /// What the column was read as.
    kind: Kind,
    /// Cells of both types have come.
    contested: bool,
}

/// What a whole pass has shown.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Every column was read as the whole file would have been.
    Agreed,
    /// Some were not: read all pieces again, under these.
    Again(Typings),
    /// Numbers of this column are in a notation that the format does not declare.
    Otherwise(String),
}

impl Typings {
    /// What an earlier pass has decided for a column.
    pub(super) fn decided(&self, table: &str, at: usize, column: &Column) -> Option<Kind> {
        if self.decided.is_empty() {
            return None;
        }
        self.decided.get(&(table.to_owned(), at, column.original.clone())).copied()
    }

    /// Takes what a column has shown in one piece.
    pub(super) fn tell(&self, (table, at, column): (&str, usize, &Column), typing: Typing, tally: Tally, read_as: (Kind, bool)) {
        let (kind, contested) = read_as;
        let mut seen = self.seen.borrow_mut();
        let evidence = seen.columns.entry((table.to_owned(), at, column.original.clone())).or_insert(Evidence {
            typing,
            tally: Tally::default(),
            kind: Kind::Unknown,
            contested: false,
        });
        evidence.tally.add(tally);
        evidence.contested |= contested || (evidence.kind != kind && evidence.kind != Kind::Unknown && kind != Kind::Unknown);
        if kind != Kind::Unknown {
            evidence.kind = kind;
        }
        if evidence.typing != typing {
            seen.obstacle.get_or_insert_with(|| "its first rows are quoted otherwise than later ones".to_owned());
        }
    }

    /// Takes the encoding of a piece beyond ASCII. All of a file is in one.
    pub(crate) fn tell_encoding(&self, encoding: &'static Encoding) {
        let other = self.seen.borrow_mut().encoding.replace(encoding).filter(|other| *other != encoding);
        if let Some(other) = other {
            self.tell_obstacle(&format!("it has lines in {} and others in {}", other.name(), encoding.name()));
        }
    }

    /// Says why a file cannot be read in pieces.
    pub(crate) fn tell_obstacle(&self, obstacle: &str) {
        self.seen.borrow_mut().obstacle.get_or_insert_with(|| obstacle.to_owned());
    }

    /// Why the file cannot be read in pieces, as far as is known yet.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.seen.borrow().obstacle.clone()
    }

    /// What has come of a pass over all pieces.
    pub(crate) fn verdict(self) -> Verdict {
        let Self { mut decided, seen } = self;
        let columns = seen.into_inner().columns;
        if let Some(((.., original), _)) = columns.iter().find(|(_, evidence)| evidence.tally.is_otherwise()) {
            return Verdict::Otherwise(original.clone());
        }
        let contested = columns.into_iter().filter(|(place, evidence)| evidence.contested && !decided.contains_key(place));
        let contested: Vec<_> = contested.map(|(place, evidence)| (place, evidence.tally.kind(evidence.typing))).collect();
        if contested.is_empty() {
            return Verdict::Agreed;
        }
        decided.extend(contested);
        Verdict::Again(Self { decided, seen: RefCell::default() })
    }
}
