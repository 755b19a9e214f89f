use super::{Command, Family, Transfer, Verb, parse};

fn check(line: &str, expected: Command<'_>) {
    assert_eq!(parse(line.as_bytes()).as_ref(), Ok(&expected), "{line:?}");
}

/// The code of the answer or the refusal that a line gets without anybody else being asked.
fn check_code(line: impl AsRef<[u8]>, expected: u16) {
    let line = line.as_ref();
    let code = match parse(line) {
        Ok(Command::Answer(reply)) | Err(reply) => reply.code,
        Ok(other) => panic!("{:?} was parsed as {other:?}", String::from_utf8_lossy(line)),
    };
    assert_eq!(code, expected, "{:?}", String::from_utf8_lossy(line));
}

fn transfer(verb: Verb, path: &str) -> Command<'_> {
    Command::Transfer(Transfer { verb, path })
}

#[test]
fn verbs_are_known_in_any_case_and_under_their_old_names() {
    check("user demo", Command::User("demo"));
    check("PASS p@ss word ", Command::Pass("p@ss word "));
    check("PASS", Command::Pass(""));
    check("QuIt", Command::Quit);
    check("XPWD", Command::Forward { verb: "PWD", argument: "" });
    check("xcup", Command::Forward { verb: "CDUP", argument: "" });
    check("XRMD a", Command::Forward { verb: "RMD", argument: "a" });
}

#[test]
fn a_path_keeps_its_spaces() {
    check("STOR a  b ", transfer(Verb::Stor, "a  b "));
    check("STOR  leading", transfer(Verb::Stor, " leading"));
    check("retr Zählwerk.csv", transfer(Verb::Retr, "Zählwerk.csv"));
    check("LIST", transfer(Verb::List, ""));
    check("LIST -la /x y", transfer(Verb::List, "-la /x y"));
}

#[test]
fn port_names_an_address() {
    check("PORT 192,0,2,7,156,65", Command::Port("192.0.2.7:40001".parse().unwrap()));
    check("port 0,0,0,0,0,0", Command::Port("0.0.0.0:0".parse().unwrap()));
}

#[test]
fn eprt_names_an_address_of_either_family() {
    check("EPRT |1|192.0.2.7|40001|", Command::Port("192.0.2.7:40001".parse().unwrap()));
    check("EPRT |2|2001:db8::7|40001|", Command::Port("[2001:db8::7]:40001".parse().unwrap()));
    check("eprt !1!192.0.2.7!40001!", Command::Port("192.0.2.7:40001".parse().unwrap()));
}

#[test]
fn an_address_that_is_not_one_is_refused() {
    for argument in
        ["", "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,256", "1,2,3,4,5,-6", "1,2,3,4,5,+6", "1,2,3,4,5, 6", "1,2,3,4,5,", "a,b"]
    {
        check_code(format!("PORT {argument}"), 501);
    }
    for argument in [
        "",
        "|",
        "|1|192.0.2.7|40001",
        "|1|192.0.2.7|65536|",
        "|1|::1|4000|",
        "|2|192.0.2.7|4000|",
        "|x|::1|4000|",
        "|2|::1%lo|4000|",
    ] {
        check_code(format!("EPRT {argument}"), 501);
    }
    check_code("EPRT |3|192.0.2.7|40001|", 522);
}

#[test]
fn epsv_takes_a_family_or_all() {
    check("EPSV", Command::Epsv(None));
    check("EPSV 1", Command::Epsv(Some(Family::V4)));
    check("EPSV 2", Command::Epsv(Some(Family::V6)));
    check("epsv all", Command::EpsvAll);
    check_code("EPSV 3", 522);
    check_code("EPSV x", 501);
}

#[test]
fn rest_takes_a_number() {
    check("REST 0", Command::Rest(0));
    check("REST 18446744073709551615", Command::Rest(u64::MAX));
    for argument in ["", "abc", "-1", "+1", "1.5", "18446744073709551616"] {
        check_code(format!("REST {argument}"), 501);
    }
}

#[test]
fn arguments_are_neither_missing_nor_too_many() {
    for line in [
        "USER", "STOR", "STOR ", "APPE", "RETR", "CWD", "MKD", "RMD", "DELE", "RNFR", "RNTO", "SIZE", "MDTM", "TYPE", "STRU",
        "MODE",
    ] {
        check_code(line, 501);
    }
    for line in ["STOU name", "PASV 1", "ABOR x", "CDUP x", "PWD x", "FEAT x", "QUIT x"] {
        check_code(line, 501);
    }
}

#[test]
fn fixed_answers() {
    check_code("OPTS UTF8 ON", 200);
    check_code("opts utf8 on", 200);
    check_code("OPTS UTF8", 200);
    check_code("OPTS UTF-8 ON", 200);
    check_code("OPTS UTF8 OFF", 504);
    check_code("OPTS MLST type;size;", 501);
    check_code("OPTS", 501);
    check_code("TYPE I", 200);
    check_code("type a n", 200);
    check_code("TYPE L 8", 200);
    check_code("TYPE E", 504);
    check_code("STRU F", 200);
    check_code("STRU R", 504);
    check_code("MODE S", 200);
    check_code("MODE Z", 504);
    check_code("NOOP", 200);
    check_code("SYST", 215);
    check_code("HELP", 214);
    check_code("FEAT", 211);
    check_code("ALLO 1000", 202);
    check_code("STAT path", 504);
}

#[test]
fn what_is_known_and_not_done_is_told_from_the_unknown() {
    for line in ["MFMT 20260101000000 x", "CLNT x", "HOST x", "LANG en", "AUTH TLS", "PBSZ 0", "PROT P", "SITE CHMOD 644 x"] {
        check_code(line, 502);
    }
    for line in ["XYZZY", "", " ", "GET / HTTP/1.1", "STORX a", "S", "ÜSER x"] {
        check_code(line, 500);
    }
}

#[test]
fn bytes_that_cannot_be_a_path_are_refused() {
    check_code(b"STOR Z\xe4hlwerk.csv", 501);
    check_code(b"STOR a\rb", 501);
    check_code(b"STOR a\0b", 501);
    check_code(b"\xff\xfe", 501);
}

mod properties {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = super::parse(&line);
        }

        #[test]
        fn no_argument_makes_the_parser_panic(verb in "PORT|EPRT|EPSV|REST|OPTS|TYPE", argument in "\\PC*") {
            let _ = super::parse(format!("{verb} {argument}").as_bytes());
        }
    }
}
