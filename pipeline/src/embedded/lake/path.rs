//! Which file an object is: its key, as it is.
//!
//! Two kinds of names have to be kept apart from it. `object_store` takes `name#12` for a file under way, and the facts of an
//! object lie beside it in `name#facts`. A key that ends like one of these gets a `%` after its last `#`: `log#1` is the file
//! `log#%1`, and `log#%1` is `log#%%1`, so that no two keys share a file. All other keys are their own paths.

use etl::LakeError;
use object_store::path::Path;

/// What the name of a facts file ends in.
const FACTS: &str = "facts";
/// The directory, at the top of a bucket, of bytes that are not an object yet.
pub(super) const STAGING: &str = "#staging";

/// The path of an object within its bucket's directory.
pub(super) fn of_key(key: &str) -> Result<Path, LakeError> {
    let refused = || LakeError::Address(key.to_owned());
    // Path::parse would take these off, and so give two keys one file.
    if key.is_empty() || key.starts_with('/') || key.ends_with('/') || key.split('/').next() == Some(STAGING) {
        return Err(refused());
    }
    let path = match reserved(key) {
        Some((head, tail)) => Path::parse(format!("{head}#%{tail}")),
        None => Path::parse(key),
    };
    path.map_err(|_| refused())
}

/// The key of the object at a path; none for what is not an object.
pub(super) fn key_of(path: &str) -> Option<String> {
    let key = match reserved(path) {
        Some((head, tail)) => format!("{head}#{}", tail.strip_prefix('%')?),
        None => path.to_owned(),
    };
    of_key(&key).ok().filter(|back| back.as_ref() == path).map(|_| key)
}

/// Where the facts of the object at that path lie.
pub(super) fn of_facts(path: &Path) -> Result<Path, object_store::path::Error> {
    Path::parse(format!("{path}#{FACTS}"))
}

/// Splits at the last `#` of the name, if what follows is `facts` or a number, with any number of `%` before it.
fn reserved(path: &str) -> Option<(&str, &str)> {
    let (head, tail) = path.rsplit_once('#')?;
    let word = tail.trim_start_matches('%');
    let number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    (word == FACTS || number).then_some((head, tail))
}

#[cfg(test)]
mod tests;
