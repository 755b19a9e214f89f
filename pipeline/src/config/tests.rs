//! Configurations in, problems or values out.

use std::io::Write as _;
use std::time::Duration;

use super::*;

/// Loads a file's text and an environment, and gives each problem as it is printed.
fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let mut written = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let path = written.path().display().to_string();
    Config::load(Some(written.path()), environment, None)
        .map_err(|problems| problems.0.iter().map(|problem| problem.to_string().replace(&path, "FILE")).collect())
}

fn check_problems(file: &str, environment: &[(&str, &str)], expected: &[&str]) {
    let problems = load(file, environment).expect_err("should be refused");
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem:?} should contain {expected:?}");
    }
}

#[test]
fn the_defaults_alone_are_right() {
    let config = Config::load(None, [], None).unwrap();
    assert_eq!(config.data, Path::new("inlet-data"));
    assert_eq!(config.lake.kind, LakeKind::Local);
    assert_eq!(config.etl.threads, None, "one for each processor");
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let file = "data = '/from-file'\n[etl.batch]\nmax_age = '7s'\n[http]\nlisten = '127.0.0.1:1'";
    let config = load(file, &[("INLET_ETL__BATCH__MAX_AGE", "9s")]).unwrap();
    assert_eq!(config.etl.batch.max_age, Duration::from_secs(9));
    assert_eq!(config.http.listen.port(), 1);
    assert_eq!(config.data, Path::new("/from-file"));

    let environment = [("INLET_DATA".to_owned(), "/from-environment".to_owned())];
    assert_eq!(Config::load(None, environment.clone(), None).unwrap().data, Path::new("/from-environment"));
    let config = Config::load(None, environment, Some(Path::new("/from-option"))).unwrap();
    assert_eq!(config.data, Path::new("/from-option"));
}

#[test]
fn all_problems_are_told_at_once_each_with_key_and_source() {
    check_problems(
        "[ingest]\nlistn = '127.0.0.1:21'\n[etl]\ndefault_zone = 5\n[lake]\nkind = 's4'",
        &[("INLET_ETL__BATCH__MAX_AGE", "soon"), ("INLET_HTTP__LISTEN", "nowhere")],
        &["etl.default_zone: ", "ingest.listn: no such key; there are: ", "lake.kind: ", "etl.batch.max_age: ", "http.listen: "],
    );
    let problems = load("[etl]\ndefault_zone = 5", &[("INLET_HTTP__LISTEN", "nowhere")]).unwrap_err();
    assert!(
        problems.iter().any(|problem| problem.contains("etl.default_zone") && problem.contains("(set in FILE)")),
        "{problems:?}"
    );
    assert!(problems.iter().any(|problem| problem.ends_with("(set in environment variable INLET_HTTP__LISTEN)")), "{problems:?}");
}

#[test]
fn keys_that_do_not_go_together_are_told() {
    check_problems("[queue]\nkind = 'sqs'", &[], &["queue.url: missing"]);
    check_problems("[lake]\nkind = 's3'", &[], &["catalog.warehouse: missing"]);
    check_problems("[queue]\ndeliveries_max = 7", &[], &["queue.deliveries_max: must be at least 8: "]);
    check_problems("[etl]\ndefault_zone = 'Europe/Atlantis'", &[], &["etl.default_zone: "]);
}

#[test]
fn an_upload_may_be_no_longer_than_what_s3_takes_at_once() {
    let limit = |kind, bytes| {
        let catalog = if kind == "s3" { "[catalog]\nwarehouse = 's3://lake/tables'\n" } else { "" };
        format!("[lake]\nkind = '{kind}'\n{catalog}[ingest.limits]\nupload_bytes = '{bytes}'")
    };
    assert!(load(&limit("s3", "5 GiB"), &[]).is_ok() && load(&limit("local", "6 GiB"), &[]).is_ok());
    check_problems(&limit("s3", "5368709121 B"), &[], &["ingest.limits.upload_bytes: is more than 5 GiB"]);
}

#[test]
fn each_kind_of_catalog_has_keys_of_its_own() {
    let s3 = "[lake]\nkind = 's3'\n[catalog]\n";
    check_problems(&format!("{s3}kind = 'rest'"), &[], &["catalog.uri: missing"]);
    check_problems(&format!("{s3}kind = 'rest'\nuri = 'sqlite:///x'"), &[], &["catalog.uri: is not of the form"]);
    check_problems(&format!("{s3}kind = 's3tables'\ntable_bucket = 'mine'"), &[], &["catalog.table_bucket: "]);
    check_problems("[catalog]\nkind = 'rest'\nuri = 'http://127.0.0.1:1'", &[], &["catalog.kind: `rest` puts tables on S3"]);
    check_problems("[catalog]\nuri = 'mysql://x'", &[], &["catalog.uri: is not of the form `sqlite:///FILE`"]);
    check_problems("[catalog]\ncredential = 'a:b'", &[], &["catalog.credential: has no meaning with `catalog.kind = \"sql\"`"]);

    let arn = "arn:aws:s3tables:eu-central-1:123456789012:bucket/measurements";
    assert!(load(&format!("{s3}kind = 's3tables'\ntable_bucket = '{arn}'"), &[]).is_ok());
    let config = load("[catalog]\nuri = 'postgres://inlet:hunter2@db/catalog'", &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_name_and_line_and_without_its_text() {
    check_problems("[etl\n", &[], &["FILE: line 1: "]);
    for credential in ["\"inlet:hunter2", "inlet:hunter2", "'inlet:hunter2' hunter2", "'inlet':hunter2"] {
        let problems = load(&format!("[catalog]\nkind = 'rest'\ncredential = {credential}\nscope = 'x'"), &[]).unwrap_err();
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.starts_with("FILE: line 3: ") && !problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_name() {
    let problems = Config::load(Some(Path::new("/nonexistent/inlet.toml")), [], None).unwrap_err();
    assert!(problems.to_string().contains("/nonexistent/inlet.toml: No such file"), "{problems}");
}

#[test]
fn a_secret_of_another_type_is_refused_without_it() {
    for key in ["catalog.credential", "catalog.uri"] {
        let variable = format!("INLET_{}", key.to_uppercase().replace('.', "__"));
        for value in ["1234567", "true", "[1234567]"] {
            let problems = load("", &[(&variable, value)]).unwrap_err();
            let [problem] = &problems[..] else { panic!("{problems:?}") };
            assert!(problem.starts_with(&format!("{key}: is not a string")) && !problem.contains(value), "{problem}");
        }
    }
    let config =
        load("[lake]\nkind = 's3'\n[catalog]\nkind = 'rest'\nuri = 'http://x'", &[("INLET_CATALOG__CREDENTIAL", "\"1234567\"")]);
    assert_eq!(config.unwrap().catalog.credential.unwrap().expose(), "1234567");
}

#[test]
fn one_underscore_too_few_is_told_and_other_programs_variables_are_not_ours() {
    check_problems("", &[("INLET_INGEST_LISTEN", "127.0.0.1:21")], &["INLET_INGEST_LISTEN"]);
    assert!(load("", &[("INLET_BIN", "/usr/bin/inlet"), ("HOME", "/root")]).is_ok());
}
