//! The format definitions in force: those compiled in, and those that `etl.formats` names.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use etl::{Formats, Source};

/// The definitions that come with Inlet, from `pipeline/formats`.
const EMBEDDED: [(&str, &str); 48] = [
    ("formats/acquisuite.toml", include_str!("../formats/acquisuite.toml")),
    ("formats/campbell-array-days.toml", include_str!("../formats/campbell-array-days.toml")),
    ("formats/campbell-array.toml", include_str!("../formats/campbell-array.toml")),
    ("formats/csijson.toml", include_str!("../formats/csijson.toml")),
    ("formats/csv.toml", include_str!("../formats/csv.toml")),
    ("formats/dexma.toml", include_str!("../formats/dexma.toml")),
    ("formats/ecowitt.toml", include_str!("../formats/ecowitt.toml")),
    ("formats/egx-semicolon.toml", include_str!("../formats/egx-semicolon.toml")),
    ("formats/egx.toml", include_str!("../formats/egx.toml")),
    ("formats/enelyzer.toml", include_str!("../formats/enelyzer.toml")),
    ("formats/fronius.toml", include_str!("../formats/fronius.toml")),
    ("formats/graphtec.toml", include_str!("../formats/graphtec.toml")),
    ("formats/hioki-dates.toml", include_str!("../formats/hioki-dates.toml")),
    ("formats/hioki.toml", include_str!("../formats/hioki.toml")),
    ("formats/hobo-semicolon.toml", include_str!("../formats/hobo-semicolon.toml")),
    ("formats/hobo-tab.toml", include_str!("../formats/hobo-tab.toml")),
    ("formats/hobo.toml", include_str!("../formats/hobo.toml")),
    ("formats/inmet-bdmep.toml", include_str!("../formats/inmet-bdmep.toml")),
    ("formats/inmet-history.toml", include_str!("../formats/inmet-history.toml")),
    ("formats/inmet.toml", include_str!("../formats/inmet.toml")),
    ("formats/isd-csv.toml", include_str!("../formats/isd-csv.toml")),
    ("formats/isd.toml", include_str!("../formats/isd.toml")),
    ("formats/jma-columns.toml", include_str!("../formats/jma-columns.toml")),
    ("formats/jma.toml", include_str!("../formats/jma.toml")),
    ("formats/line-protocol-content.toml", include_str!("../formats/line-protocol-content.toml")),
    ("formats/line-protocol.toml", include_str!("../formats/line-protocol.toml")),
    ("formats/melsec.toml", include_str!("../formats/melsec.toml")),
    ("formats/minidot.toml", include_str!("../formats/minidot.toml")),
    ("formats/openmetrics.toml", include_str!("../formats/openmetrics.toml")),
    ("formats/prometheus.toml", include_str!("../formats/prometheus.toml")),
    ("formats/senml.toml", include_str!("../formats/senml.toml")),
    ("formats/shef.toml", include_str!("../formats/shef.toml")),
    ("formats/sma-csv.toml", include_str!("../formats/sma-csv.toml")),
    ("formats/solar-log.toml", include_str!("../formats/solar-log.toml")),
    ("formats/solrad.toml", include_str!("../formats/solrad.toml")),
    ("formats/srml.toml", include_str!("../formats/srml.toml")),
    ("formats/surfrad.toml", include_str!("../formats/surfrad.toml")),
    ("formats/tepco.toml", include_str!("../formats/tepco.toml")),
    ("formats/the-things-stack.toml", include_str!("../formats/the-things-stack.toml")),
    ("formats/toa5.toml", include_str!("../formats/toa5.toml")),
    ("formats/toaci1.toml", include_str!("../formats/toaci1.toml")),
    ("formats/tob.toml", include_str!("../formats/tob.toml")),
    ("formats/uscrn-hourly.toml", include_str!("../formats/uscrn-hourly.toml")),
    ("formats/uscrn-subhourly.toml", include_str!("../formats/uscrn-subhourly.toml")),
    ("formats/usgs-rdb-instantaneous.toml", include_str!("../formats/usgs-rdb-instantaneous.toml")),
    ("formats/usgs-rdb.toml", include_str!("../formats/usgs-rdb.toml")),
    ("formats/windographer.toml", include_str!("../formats/windographer.toml")),
    ("formats/yokogawa.toml", include_str!("../formats/yokogawa.toml")),
];

/// Reads every definition, and says all that is wrong with them at once. What has no business with formats does not ask for it: a
/// definition that is wrong keeps no device out.
pub fn load(config: &etl::Config) -> anyhow::Result<Formats> {
    definitions(config).and_then(|definitions| compile(config, &definitions)).context("etl.formats")
}

/// One definition alone, which is no part of the configuration.
pub fn load_one(config: &etl::Config, file: &Path) -> anyhow::Result<(String, Formats)> {
    let definition = (file.display().to_string(), read(file)?);
    let name = name_of(&definition.1);
    let formats = compile(config, &[definition])?;
    Ok((name.unwrap_or_default(), formats))
}

/// Every definition with the file that it stands in: those compiled in, and those that the configuration names.
pub fn definitions(config: &etl::Config) -> anyhow::Result<Vec<(String, String)>> {
    let mut definitions: Vec<(String, String)> =
        EMBEDDED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    for path in &config.formats {
        for file in files(path)? {
            definitions.push((file.display().to_string(), read(&file)?));
        }
    }
    Ok(definitions)
}

/// The name that a definition gives its format.
pub fn name_of(definition: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(definition).ok()?;
    table.get("format").and_then(|name| name.as_str()).map(str::to_owned)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
}

fn compile(config: &etl::Config, definitions: &[(String, String)]) -> anyhow::Result<Formats> {
    let sources: Vec<Source<'_>> = definitions.iter().map(|(file, text)| Source { file, text }).collect();
    Formats::load(&sources, &config.default_zone, config.limits.clone()).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// The file itself, or the `*.toml` files in the directory, in order of their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("list {}", path.display()))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        bail!("no *.toml in {}", path.display());
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
