//! The catalog: which tables there are, and which metadata file each is at.
//!
//! Three kinds, all over [`Lake`](crate::Lake) for the tables' files: a SQL database, an Iceberg REST service, and Amazon S3 Tables.
//! What exactly-once rests on is the same in each: `update_table` moves a table on only from the metadata that the commit was built on.

mod rest;
mod s3tables;
mod sql;

pub use rest::{Rest, rest};
pub use s3tables::s3tables;
pub use sql::sql;

/// The catalog's own name. A SQL catalog keeps its tables under it, and pyiceberg finds them so.
const NAME: &str = "inlet";

/// A catalog's address as it may stand in an error: without its user, its password and its query.
fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once(':') else { return "…".to_owned() };
    let place = rest.trim_start_matches('/');
    let slashes = rest.strip_suffix(place).unwrap_or_default();
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    // The `?` of a password, or the `@` of a query: nobody can tell, and what stands between them may be secret.
    if query.is_some_and(|query| query.contains('@')) {
        return format!("{scheme}:{slashes}…");
    }
    // The last `@`: a password may hold others, and slashes.
    let shown = place.rsplit_once('@').map_or_else(|| place.to_owned(), |(_, host)| format!("…@{host}"));
    let cut = if query.is_some() { "?…" } else { "" };
    format!("{scheme}:{slashes}{shown}{cut}")
}

#[cfg(test)]
mod tests;
