use super::{Command, Facts, Family, Mechanism, Security, Transfer, Type, Verb, parse, text};

fn check(line: &str, expected: Command<'_>) {
    assert_eq!(parse(line).as_ref(), Ok(&expected), "{line:?}");
}

/// The code of the answer or the refusal that a line gets without anybody else being asked.
fn check_code(line: impl AsRef<str>, expected: u16) {
    let line = line.as_ref();
    let code = match parse(line) {
        Ok(Command::Answer(reply)) | Err(reply) => reply.code,
        Ok(other) => panic!("{:?} was parsed as {other:?}", line),
    };
    assert_eq!(code, expected, "{:?}", line);
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
    check("LIST -la /x y", transfer(Verb::List, "/x y"));
    check("NLST -l", transfer(Verb::Nlst, ""));
    check("nlst -a -l x", transfer(Verb::Nlst, "x"));
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
        "USER",
        "STOR",
        "STOR ",
        "APPE",
        "AUTH",
        "PROT",
        "PBSZ",
        "HOST",
        "CLNT",
        "SITE",
        "ALLO",
        "MFMT",
        "MFMT 20260101000000",
        "RETR",
        "CWD",
        "MKD",
        "RMD",
        "DELE",
        "RNFR",
        "RNTO",
        "SIZE",
        "MDTM",
        "TYPE",
        "STRU",
        "MODE",
    ] {
        check_code(line, 501);
    }
    for line in ["STOU name", "REIN x", "CCC x", "PASV 1", "ABOR x", "CDUP x", "PWD x", "FEAT x", "QUIT x"] {
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
    check("OPTS MLST type;size;", Command::Facts(Facts::of("type;size;")));
    check("opts mlst", Command::Facts(Facts::of("")));
    check_code("OPTS MLSD type;", 501);
    check_code("OPTS", 501);
    check_code("TYPE E", 504);
    check_code("TYPE A T", 504);
    check_code("STRU F", 200);
    check_code("STRU R", 504);
    check_code("MODE S", 200);
    check_code("MODE Z", 504);
    check_code("NOOP", 200);
    check_code("SYST", 215);
    check("HELP STOR", Command::Help);
    check("FEAT", Command::Features);
    check_code("ALLO 1000", 202);
    check_code("ALLO 1000 R 80", 202);
    check_code("ALLO many", 501);
    check_code("ALLO 1 2", 501);
    check_code("CLNT x", 200);
    check_code("LANG", 200);
    check_code("lang EN-us", 200);
    check_code("LANG fr", 504);
    check_code("SITE help", 214);
    check_code("SITE CHMOD 644 x", 500);
    check_code("HOST a b", 501);
    check_code("HOST [::x]", 501);
    check_code("STAT path", 504);
}

#[test]
fn what_is_known_and_not_done_is_told_from_the_unknown() {
    for line in ["SMNT x", "ADAT x", "MIC x", "CONF x", "ENC x"] {
        check_code(line, 502);
    }
    for line in ["XYZZY", "", " ", "GET / HTTP/1.1", "STORX a", "S", "ÜSER x"] {
        check_code(line, 500);
    }
}

#[test]
fn a_type_says_whether_line_ends_change() {
    for (line, form) in [("TYPE A", Type::Ascii), ("type a n", Type::Ascii), ("TYPE I", Type::Image), ("TYPE L 8", Type::Image)] {
        check(line, Command::Type(form));
    }
}

#[test]
fn what_protects_is_known_under_its_old_names() {
    for (line, asked) in [
        ("AUTH TLS", Security::Auth(Mechanism::Tls)),
        ("auth tls-c", Security::Auth(Mechanism::Tls)),
        ("AUTH SSL", Security::Auth(Mechanism::TlsForAll)),
        ("AUTH TLS-P", Security::Auth(Mechanism::TlsForAll)),
        ("PBSZ 0", Security::BufferSize),
        ("PBSZ 16384", Security::BufferSize),
        ("PROT C", Security::Data(false)),
        ("prot p", Security::Data(true)),
        ("CCC", Security::ClearControl),
    ] {
        check(line, Command::Security(asked));
    }
    check_code("AUTH GSSAPI", 504);
    check_code("PROT S", 536);
    check_code("PROT X", 504);
    check_code("PBSZ -1", 501);
}

#[test]
fn a_host_is_a_name_or_an_address() {
    for host in ["ftp.example.org", "192.0.2.7", "[2001:db8::7]"] {
        check(&format!("HOST {host}"), Command::Host(host));
    }
}

#[test]
fn a_time_of_modification_is_one_that_there_is() {
    let at = "2026-02-28T23:59:58Z".parse().unwrap();
    check("MFMT 20260228235958 a b.csv", Command::Modified { at, path: "a b.csv" });
    check("MFMT 20260228235958.123 x", Command::Modified { at, path: "x" });
    let leap = "2016-12-31T23:59:59Z".parse().unwrap();
    check("MFMT 20161231235960 x", Command::Modified { at: leap, path: "x" });
    for time in [
        "20260229000000",
        "20261301000000",
        "2026022823595",
        "20260228235961",
        "-0260228235958",
        "20260228235958.",
        "2026022823595é",
    ] {
        check_code(format!("MFMT {time} x"), 501);
    }
}

#[test]
fn bytes_that_cannot_be_a_path_are_refused() {
    check_code("STOR a\rb", 501);
    check_code("STOR a\0b", 501);
}

#[test]
fn names_in_other_encodings_keep_their_bytes() {
    let latin_1 = b"STOR Z\xe4hl 100%.csv";
    assert_eq!(text(latin_1), "STOR Z%E4hl 100%.csv");
    assert_eq!(text(b"STOR \x83f\x81[\x83^.csv"), "STOR %83f%81[%83^.csv", "Shift JIS");
    assert_eq!(text("STOR Zählwerk.csv".as_bytes()), "STOR Zählwerk.csv");
}

mod properties {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = super::parse(&super::text(&line));
        }

        #[test]
        fn no_argument_makes_the_parser_panic(verb in "PORT|EPRT|EPSV|REST|OPTS|TYPE", argument in "\\PC*") {
            let _ = super::parse(&format!("{verb} {argument}"));
        }
    }
}
