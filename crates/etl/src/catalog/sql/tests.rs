//! What an error may show of a database's address.

use super::without_password;

#[test]
fn a_password_is_not_shown() {
    let cases = [
        ("postgres://inlet:hunter2@db.example.org/catalog", "postgres://inlet@db.example.org/catalog"),
        ("postgres://inlet:p@ss@db.example.org:5432", "postgres://inlet@db.example.org:5432"),
        ("postgres://inlet@db/catalog", "postgres://inlet@db/catalog"),
        ("postgres://db/a@b", "postgres://db/a@b"),
        ("sqlite:///var/lib/inlet/catalog.db", "sqlite:///var/lib/inlet/catalog.db"),
        ("sqlite:catalog.db", "sqlite:catalog.db"),
    ];
    for (uri, shown) in cases {
        assert_eq!(without_password(uri), shown);
    }
}
