use crate::container::tests::zip;
use crate::format::{File, Formats, Source};
use crate::limits::Limits;
use crate::load::Read;
use crate::rows::Refusal;

const CSV: &str = include_str!("../../../../pipeline/formats/csv.toml");

fn read(path: &str, packed: &[u8]) -> Result<Read, Refusal> {
    let by_path = CSV.replace("format = \"csv\"", "format = \"inner\"").replace("[match]", "[match]\npaths = [\"**/in.zip/*\"]");
    let sources = [CSV, by_path.as_str()].map(|text| Source { file: "t", text });
    let formats = Formats::load(&sources, "UTC", Limits::for_tests()).unwrap();
    super::read(&formats, &File { path, device: "d", zone: None, arrived: None, bytes: packed }, &Limits::for_tests())
}

#[test]
fn all_members_load_and_each_is_a_file_of_its_own() {
    let inner = zip(&[("b.csv", b"time,b\n2026-01-01T00:00:00Z,2\n")]);
    let archive = zip(&[("a.csv", b"\ntime,a\n2026-01-01,1\n"), ("in.zip", &inner), ("empty.csv", b"")]);
    let Read { parsed, unwrapped } = read("/x.zip", &archive).unwrap();
    let rows: Vec<_> = parsed.parts.iter().map(|part| (part.columns[0].0.name.as_str(), part.row.values().to_vec())).collect();
    assert_eq!(rows, [("a", vec![3]), ("b", vec![2])]);
    assert_eq!((parsed.format.as_str(), parsed.zone.as_deref()), ("csv, inner", Some("UTC")));
    assert_eq!((parsed.refused.len(), unwrapped.len()), (0, 0));
}

#[test]
fn what_is_refused_names_its_member_and_keeps_its_bytes() {
    let archive = zip(&[
        ("a.csv", b"time,a\n2026-01-01,1\nx,2\n"),
        ("notes.txt", b"hello\n"),
        ("b.csv", b"time,a\n2026-01-01,1\n"),
        ("d/c.csv", b"time,a\ny,3\n"),
    ]);
    let Read { parsed, unwrapped } = read("/x.zip", &archive).unwrap();
    assert_eq!(parsed.parts.len(), 2);
    let refused: Vec<_> = parsed
        .refused
        .iter()
        .map(|refused| {
            let bytes = std::str::from_utf8(unwrapped.get(refused.bytes.clone())).unwrap();
            (refused.member.as_deref().unwrap(), refused.row, bytes, refused.is_whole_member())
        })
        .collect();
    assert_eq!(refused, [("a.csv", 3, "x,2", false), ("notes.txt", 1, "", true), ("d/c.csv", 2, "y,3", false)]);
    assert!(parsed.refused[1].reason.contains("no format claims"), "{}", parsed.refused[1].reason);
}

#[test]
fn a_file_in_no_archive_is_refused_as_itself() {
    assert!(read("/notes.txt", b"hello\n").unwrap_err().reason.contains("no format claims"));
    let Read { parsed, unwrapped } = read("/a.csv", b"time,a\nx,2\n").unwrap();
    let [refused] = parsed.refused.as_slice() else { panic!("{:?}", parsed.refused) };
    assert_eq!((refused.member.as_deref(), unwrapped.get(refused.bytes.clone())), (None, b"x,2".as_slice()));
}

#[test]
fn formats_know_a_file_by_its_name_out_of_gzip() {
    for path in ["/in.zip/a.csv.gz", "/in.zip/a.csv.GZ"] {
        let by_end = CSV.replace("[match]", "[match]\npaths = [\"**/*.csv\"]");
        let formats = Formats::load(&[Source { file: "t", text: &by_end }], "UTC", Limits::for_tests()).unwrap();
        let file = File { path, device: "d", zone: None, arrived: None, bytes: b"time,a\n2026-01-01,1\n" };
        assert_eq!(super::read(&formats, &file, &Limits::for_tests()).unwrap().parsed.parts.len(), 1, "{path}");
    }
}
