use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::text::Text;

/// A tree as another library has it, numbers as text that a double reads.
fn plain(node: &Node<'_>) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Number(number) => number.parse::<f64>().unwrap().to_string().into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Array(elements) => elements.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(name, node)| (name.to_owned(), plain(node))).collect(),
    }
}

fn other(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => number.to_string().parse::<f64>().unwrap().to_string().into(),
        serde_json::Value::Array(elements) => elements.into_iter().map(other).collect(),
        serde_json::Value::Object(members) => members.into_iter().map(|(name, value)| (name, other(value))).collect(),
        value => value,
    }
}

#[track_caller]
fn check_fault(text: &str, at: usize, problem: &str) {
    assert_eq!(read::read(text, 0), Err(read::Fault { at, problem: problem.to_owned() }));
}

#[test]
fn numbers_keep_their_digits_and_values_their_places() {
    let text = r#" {"a": 9007199254740993, "b": [1.10, -0e-5], "c\u0041": "x\n\ud83d\ude00y"} "#;
    let root = read::read(text, 0).unwrap();
    assert_eq!(&text[root.at.clone()], text.trim());
    assert_eq!(root.get("a").unwrap().number(), Some("9007199254740993"));
    let elements = root.get("b").unwrap().elements().unwrap();
    assert_eq!((elements[0].number(), &text[elements[1].at.clone()]), (Some("1.10"), "-0e-5"));
    assert_eq!(root.get("cA").unwrap().text(), Some("x\n😀y"));
}

#[test]
fn what_is_no_json_says_where_and_why() {
    check_fault("{\"a\":1,}", 7, "'}' where a name in quotes should be");
    check_fault("[1 2]", 3, "'2' where , or ] should be");
    check_fault("{\"a\" 1}", 5, "'1' where : should be");
    check_fault("[01]", 2, "'1' where , or ] should be");
    check_fault("[1.]", 3, "']' where a digit should be");
    check_fault("[-]", 2, "']' where a digit should be");
    check_fault("[1e]", 3, "']' where a digit should be");
    check_fault("[nul]", 1, "'n' where a value should be");
    check_fault("\"a\nb\"", 2, "a quote opens and does not close on the line, or a control character is in it");
    check_fault("\"a", 2, "a quote opens and does not close");
    check_fault("\"\\x\"", 2, "'x' where an escape should be");
    check_fault("\"\\ud800\"", 7, "half a surrogate pair");
    check_fault("\"\\ud800\\u0041\"", 13, "half a surrogate pair");
    check_fault("{\"a\":", 5, "it ends where a value should be");
    check_fault(&"[".repeat(100), 65, "more than 64 levels deep");
}

#[test]
fn a_name_that_comes_twice_is_seen_at_any_depth() {
    let check = |text: &str, repeated: Option<&str>| assert_eq!(read::read(text, 0).unwrap().repeated(), repeated, "{text}");
    check(r#"{"a":1,"b":2}"#, None);
    check(r#"{"a":1,"\u0061":2}"#, Some("a"));
    check(r#"{"x":[{"y":{"a":1,"b":1,"a":2}}]}"#, Some("a"));
    let many: Vec<String> = (0..30).map(|index| format!("\"n{}\":1", index % 29)).collect();
    check(&format!("{{{}}}", many.join(",")), Some("n0"));
}

#[test]
fn paths_lead_to_values() {
    let text = r#"{"a":{"b.c":[10,{"d":20}],"x":{"1":1,"2":2}}}"#;
    let root = read::read(text, 0).unwrap();
    let one = |path: &str| Path::to_one(path).unwrap().find(&root).and_then(Node::scalar).map(str::to_owned);
    assert_eq!(one("$.a[\"b.c\"][1].d").as_deref(), Some("20"));
    assert_eq!(one("a[\"b.c\"][0]").as_deref(), Some("10"));
    assert_eq!(one("a.y"), None);
    assert_eq!(one("a[0]"), None);
    assert_eq!(Path::to_one("$.a[\"b.c\"][1].d").unwrap().flat(), "a.b.c.1.d");
    let all = |path: &str| {
        let path = Path::new(path).unwrap();
        path.find_all(&root).map(|found| {
            found.into_iter().map(|one| (one.names.join("/"), text[one.node.at.clone()].to_owned())).collect::<Vec<_>>()
        })
    };
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(all("$.a.x.*"), Ok(vec![pair("1", "1"), pair("2", "2")]));
    assert_eq!(all("$.a[\"b.c\"][*]"), Ok(vec![pair("", "10"), pair("", r#"{"d":20}"#)]));
    assert_eq!(all("$.a.nothing"), Err("no \"nothing\" in a".to_owned()));
    assert_eq!(all("$.a[*]"), Err("a is an object".to_owned()));
    for bad in ["", ".a", "a..b", "a[", "a[x]", "a[\"b]", "$a"] {
        assert_eq!(Path::new(bad).unwrap_err().to_string(), format!("{bad:?} is no path"));
    }
    assert!(Path::to_one("$.a[*]").is_err());
}

/// The line, the bytes and the outcome of each document, and of each element when it is an array.
#[track_caller]
fn check_documents(text: &str, style: Style, expected: &[(u64, &str, bool)]) {
    let limits = Limits::for_tests();
    let decoded = Text::decode(text.as_bytes(), &[encoding_rs::UTF_8], &limits).unwrap();
    assert_eq!(Style::of(&decoded), style);
    let mut told = Vec::new();
    for document in Documents::new(&decoded, style).unwrap() {
        told.push((document.line, text[document.raw.clone()].to_owned(), document.root.is_ok()));
        let elements = document.root.as_ref().ok().and_then(Node::elements);
        for element in elements.into_iter().flatten() {
            let bytes = document.bytes(element).unwrap();
            told.push((document.line(element), text[bytes].to_owned(), true));
        }
    }
    let told: Vec<_> = told.iter().map(|(line, text, good)| (*line, text.as_str(), *good)).collect();
    assert_eq!(told, expected);
}

#[test]
fn documents_are_on_lines_or_over_many() {
    check_documents(
        "{\"a\":1}\n\n{\"a\":\n{\"a\":3}",
        Style::Lines,
        &[(1, "{\"a\":1}", true), (3, "{\"a\":", false), (4, "{\"a\":3}", true)],
    );
    check_documents("{\"a\":1 \"b\"}\n{\"a\":2}\n", Style::Lines, &[(1, "{\"a\":1 \"b\"}", false), (2, "{\"a\":2}", true)]);
    check_documents(
        "[\r\n 1,\r\n 2]\r\n{}\n[3",
        Style::Whole,
        &[(1, "[\r\n 1,\r\n 2]", true), (2, "1", true), (3, "2", true), (4, "{}", true), (5, "[3", false)],
    );
    check_documents("{}{} {\n}", Style::Whole, &[(1, "{}", true), (1, "{}", true), (1, "{\n}", true)]);
    check_documents("[1]", Style::Lines, &[(1, "[1]", true), (1, "1", true)]);
    check_documents("", Style::Whole, &[]);
}

#[test]
fn text_that_is_not_utf_8_has_documents_on_lines_only() {
    let limits = Limits::for_tests();
    let wide: Vec<u8> = [0xfeff].into_iter().chain("{\"a\":1}\n[2]".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let text = Text::decode(&wide, &[encoding_rs::UTF_8], &limits).unwrap();
    let documents: Vec<_> = Documents::new(&text, Style::Lines).unwrap().collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].bytes(documents[0].root.as_ref().unwrap()), None);
    assert_eq!(Documents::new(&text, Style::Whole).unwrap_err(), "JSON is UTF-8 (RFC 8259), and this is not");
    let bad = Text::decode(b"[\n\"\xff\"]", &[encoding_rs::UTF_8], &limits).unwrap();
    assert_eq!(Documents::new(&bad, Style::Whole).unwrap_err(), "line 2: not valid UTF-8");
}

fn bit() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u00e9\"",
        "\"\\\"",
        "1",
        "-2.5e3",
        "0",
        "01",
        "1.",
        "true",
        "null",
        "tru",
        " ",
        "\n",
        "{\"a\":1}",
        "[1,2]",
        "\"é\"",
        "\"",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_serde_json(bits in prop::collection::vec(bit(), 0..12)) {
        let text: String = bits.concat();
        let expected = serde_json::from_str::<serde_json::Value>(&text);
        let got = read::read(&text, 0).ok().filter(|node| text[node.at.end..].trim_ascii().is_empty());
        // A number too large for a double is one all the same: whoever wants a double of it will refuse it.
        let large = expected.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert!(large || got.is_some() == expected.is_ok(), "{}", text);
        if let (Some(node), Ok(expected)) = (got, expected) && node.repeated().is_none() {
            prop_assert_eq!(plain(&node), other(expected));
        }
    }
}
