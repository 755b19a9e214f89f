//! The definitions that are compiled in.

use super::*;

#[test]
fn every_definition_of_the_folder_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let there: Vec<String> =
        files(&folder).unwrap().iter().map(|file| format!("formats/{}", file.file_name().unwrap().to_string_lossy())).collect();
    let embedded: Vec<&str> = EMBEDDED.iter().map(|(file, _)| *file).collect();
    assert_eq!(embedded, there);
}
