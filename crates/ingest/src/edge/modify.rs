//! MFMT: a device sets when a file of its home was modified (draft-somers-ftp-mfxx section 3).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::reply::Reply;
use super::session::{Connection, End};
use crate::names::HomePath;
use crate::spool::Spool;

impl Connection {
    pub(super) async fn modified(&mut self, at: Timestamp, path: &str) -> Result<(), End> {
        let (Ok(path), Some(account)) = (HomePath::parse_entry(Path::new(&self.whole(path))), &self.account) else {
            return self.reply(&Reply::new(550, "File not found")).await;
        };
        let (spool, account, told) = (Arc::clone(&self.shared.spool), account.name.clone(), path.as_str().to_owned());
        let set = tokio::task::spawn_blocking(move || set(&spool, &account, &path, at)).await.map_err(io::Error::other);
        let reply = match set.flatten() {
            Ok(()) => Reply::new(213, format!("Modify={}; {told}", at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Reply::new(550, "File not found"),
            Err(_) => Reply::new(550, "The time of this file cannot be set"),
        };
        self.reply(&reply).await
    }
}

fn set(spool: &Spool, account: &str, path: &HomePath, at: Timestamp) -> io::Result<()> {
    let home = spool.home(account)?;
    let _held = spool.lock(account, path);
    let file = home.open(path.relative())?.into_std();
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    file.set_modified(SystemTime::from(at))
}
