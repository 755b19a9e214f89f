//! Real device files against the facts that are known of them, where the folder that holds both is at hand.

use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use serde_json::Value;

use super::{formats, parse, rows};
use crate::container::unwrap;
use crate::limits::Limits;
use crate::rows::{Kind, Parsed, Part};

/// The folder with the samples and `truth.json`, when the environment names one.
#[allow(
    clippy::disallowed_methods,
    reason = "the samples may not be part of the repository, so the environment says where they are"
)]
fn folder() -> Option<PathBuf> {
    std::env::var("INLET_SAMPLES").ok().map(PathBuf::from)
}

/// The files that a truth is known of, or one line that says why there are none.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn truths() -> Vec<(String, Value)> {
    let Some(folder) = folder() else {
        eprintln!("skipped: INLET_SAMPLES names no folder with samples");
        return Vec::new();
    };
    let truth: Value = serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let known = truth.as_object().unwrap().iter();
    known.map(|(name, facts)| (name.trim_start_matches("open/").to_owned(), facts.clone())).collect()
}

fn outcome(name: &str) -> Result<Parsed, String> {
    let bytes = std::fs::read(folder().unwrap().join(name)).unwrap();
    let unwrapped = unwrap(&bytes, &Limits::for_tests()).map_err(|refusal| refusal.reason)?;
    parse(&formats(), &format!("/{name}"), &unwrapped).map_err(|refusal| refusal.reason)
}

#[test]
fn show() {
    for (name, _) in truths() {
        if name.ends_with('/') {
            continue;
        }
        match outcome(&name) {
            Ok(parsed) => println!(
                "{name}: {} rows {} refused {:?} {:?}",
                rows(&parsed),
                parsed.refused.len(),
                parsed.format,
                parsed.refused.first().map(|r| (&r.row, &r.bytes, &r.reason))
            ),
            Err(reason) => println!("{name}: REFUSED {}", &reason[..reason.len().min(300)]),
        }
    }
}
