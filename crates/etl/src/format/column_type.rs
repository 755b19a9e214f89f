//! What a definition says of the type of a column.

use serde::Deserialize;

use crate::rows::Kind;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ColumnType {
    /// The file's values decide (see [`crate::column`]).
    #[default]
    Auto,
    Double,
    Long,
    Boolean,
    Text,
    /// In the format of the row's time.
    Timestamp,
    /// Left out of the table.
    Skip,
}

impl ColumnType {
    /// The kind that it declares, if it does.
    pub(super) fn declared(self) -> Option<Kind> {
        match self {
            Self::Auto | Self::Skip => None,
            Self::Double => Some(Kind::Double),
            Self::Long => Some(Kind::Long),
            Self::Boolean => Some(Kind::Boolean),
            Self::Text => Some(Kind::Text),
            Self::Timestamp => Some(Kind::Timestamp),
        }
    }
}
