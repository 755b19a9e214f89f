//! Which catalog the tables are in, and how it is reached.

use std::fmt;

use figment::value::Value;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::LakeKind;

/// Where tables are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Which kind of Iceberg catalog.
    pub kind: CatalogKind,
    /// For SQL the database: `sqlite:///FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`; `catalog.db` in the data directory when
    /// absent. For REST the service: `https://HOST/PATH`, without `/v1`.
    pub uri: Option<Secret>,
    /// For SQL where new tables are put: `s3://bucket/prefix`; `warehouse` in the data directory when absent. For REST the warehouse as
    /// the service knows it.
    pub warehouse: Option<String>,
    /// For REST, OAuth 2 client credentials: `ID:SECRET`.
    pub credential: Option<Secret>,
    /// For REST, where tokens are given out, if not by the service itself.
    pub oauth2_server_uri: Option<String>,
    /// For REST, the OAuth 2 scope.
    pub scope: Option<String>,
    /// For S3 Tables, the ARN of the table bucket.
    pub table_bucket: Option<String>,
    /// For S3 Tables, the AWS region; the AWS SDK's own settings when absent.
    pub region: Option<String>,
    /// For S3 Tables, another endpoint than AWS's.
    pub endpoint: Option<String>,
}

/// The kinds of Iceberg catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatalogKind {
    /// Tables of a SQL database: SQLite or PostgreSQL.
    Sql,
    /// A service that speaks the Iceberg REST protocol.
    Rest,
    /// A table bucket of Amazon S3 Tables.
    S3tables,
}

impl CatalogKind {
    fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Rest => "rest",
            Self::S3tables => "s3tables",
        }
    }
}

/// A value that may hold a password, and so is not shown, not even where it is refused.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Serde's own error for another type would show the value.
        match <Value as Deserialize>::deserialize(deserializer)? {
            Value::String(_, text) => Ok(Self(text)),
            _ => Err(D::Error::custom("is not a string; quotes make it one, as in `'\"1234\"'` for a variable")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Catalog {
    /// What is wrong although every key has a value of its type: (key without its section, what is wrong).
    pub(super) fn problems(&self, lake: LakeKind) -> Vec<(&'static str, String)> {
        let mut problems = self.foreign_keys();
        match self.kind {
            CatalogKind::Sql => self.problems_of_sql(lake, &mut problems),
            CatalogKind::Rest => {
                let uri = self.uri.as_ref().map(Secret::expose);
                match uri {
                    None => problems.push(("uri", "missing: `catalog.kind = \"rest\"` needs the service's address".into())),
                    Some(uri) if !uri.starts_with("http://") && !uri.starts_with("https://") => {
                        problems.push((
                            "uri",
                            "is not of the form `https://HOST/PATH`, which `catalog.kind = \"rest\"` needs".into(),
                        ));
                    }
                    Some(_) => {}
                }
            }
            CatalogKind::S3tables => {
                let is_arn = |arn: &&String| arn.starts_with("arn:") && arn.contains(":s3tables:") && arn.contains(":bucket/");
                if self.table_bucket.as_ref().filter(is_arn).is_none() {
                    let form = "`arn:aws:s3tables:REGION:ACCOUNT:bucket/NAME`";
                    problems
                        .push(("table_bucket", format!("`catalog.kind = \"s3tables\"` needs the table bucket's ARN, {form}")));
                }
            }
        }
        if self.kind != CatalogKind::Sql && lake != LakeKind::S3 {
            let kind = self.kind.name();
            problems.push(("kind", format!("`{kind}` puts tables on S3: set `lake.kind = \"s3\"` as well")));
        }
        problems
    }

    /// Keys that are set although this kind of catalog has no use for them.
    fn foreign_keys(&self) -> Vec<(&'static str, String)> {
        use CatalogKind::{Rest, S3tables, Sql};
        let keys: [(&'static str, bool, &[CatalogKind]); 8] = [
            ("uri", self.uri.is_some(), &[Sql, Rest]),
            ("warehouse", self.warehouse.is_some(), &[Sql, Rest]),
            ("credential", self.credential.is_some(), &[Rest]),
            ("oauth2_server_uri", self.oauth2_server_uri.is_some(), &[Rest]),
            ("scope", self.scope.is_some(), &[Rest]),
            ("table_bucket", self.table_bucket.is_some(), &[S3tables]),
            ("region", self.region.is_some(), &[S3tables]),
            ("endpoint", self.endpoint.is_some(), &[S3tables]),
        ];
        let foreign = keys.into_iter().filter(|(_, is_set, kinds)| *is_set && !kinds.contains(&self.kind));
        foreign.map(|(key, ..)| (key, format!("has no meaning with `catalog.kind = \"{}\"`", self.kind.name()))).collect()
    }

    fn problems_of_sql(&self, lake: LakeKind, problems: &mut Vec<(&'static str, String)>) {
        let schemes = ["sqlite:", "postgres:", "postgresql:"];
        if self.uri.as_ref().is_some_and(|uri| !schemes.iter().any(|scheme| uri.expose().starts_with(scheme))) {
            let forms = "`sqlite:///FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`";
            problems.push(("uri", format!("is not of the form {forms}")));
        }
        match (&self.warehouse, lake) {
            (None, LakeKind::S3) => problems.push((
                "warehouse",
                "missing: with `lake.kind = \"s3\"` it says where tables are put, as `s3://bucket/prefix`".into(),
            )),
            (Some(warehouse), LakeKind::S3) if !warehouse.starts_with("s3://") => {
                problems.push(("warehouse", format!("`{warehouse}` is not of the form `s3://bucket/prefix`")));
            }
            (Some(warehouse), LakeKind::Local) => problems.push((
                "warehouse",
                format!("`{warehouse}`: with `lake.kind = \"local\"` tables are put in the data directory; leave it out"),
            )),
            _ => {}
        }
    }
}
