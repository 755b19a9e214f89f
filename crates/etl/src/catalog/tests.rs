//! What an error may show of a catalog's address.

use super::*;

#[test]
fn neither_users_nor_passwords_nor_queries_are_shown() {
    let cases = [
        ("postgres://inlet:hunter2@db.example.org/catalog", "postgres://…@db.example.org/catalog"),
        ("postgres://inlet:hun@ter2@db.example.org:5432", "postgres://…@db.example.org:5432"),
        ("postgres://inlet:hun/ter2@db/catalog", "postgres://…@db/catalog"),
        ("postgres://inlet:hun#ter2@db/catalog", "postgres://…@db/catalog"),
        ("postgres://db/catalog?user=inlet&password=hunter2", "postgres://db/catalog?…"),
        ("postgres://inlet:hunter2@db/catalog?sslmode=require", "postgres://…@db/catalog?…"),
        ("postgres://db/catalog?password=hun@ter2", "postgres://…"),
        ("postgres://inlet:hun?ter2@db/catalog", "postgres://…"),
        ("postgres://inlet:h@un?ter2@db/catalog", "postgres://…"),
        ("postgres:inlet:hunter2@db/catalog", "postgres:…@db/catalog"),
        ("http://inlet:hunter2@catalog.example.org:8181/api", "http://…@catalog.example.org:8181/api"),
        ("https://catalog.example.org/api", "https://catalog.example.org/api"),
        ("sqlite:///var/lib/inlet/catalog.db", "sqlite:///var/lib/inlet/catalog.db"),
        ("sqlite:catalog.db", "sqlite:catalog.db"),
        ("hunter2", "…"),
    ];
    for (uri, shown) in cases {
        assert_eq!(without_password(uri), shown);
    }
}
