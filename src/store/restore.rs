//! A copy takes the place of what is here: an archive is read into a directory of its own while the node runs, and the next opening puts that in
//! place. What was here is moved aside, and nothing is removed.
//!
//! | name | holds |
//! |---|---|
//! | `incoming.archive` | the archive, as it came |
//! | `incoming/` | the data directory that it is read into |
//! | `adopt` | the copy is whole, and this is how far its taking over is: where the former things go, and `out` or `in` |
//! | `before-…/` | what was here before |

use std::fs;
use std::path::{Path, PathBuf};

use super::export::{Imported, import, wall_now};
use super::{DataDir, Progress, StoreError, file, recover};

/// Where an archive is put that is to be restored.
pub fn incoming_archive(data: &Path) -> PathBuf {
    data.join("incoming.archive")
}

/// Reads the archive that came, to be put in place when the directory is opened next. Until then everything is as it was.
pub fn receive(data: &Path, passphrase: &str, progress: &mut dyn FnMut(Progress)) -> Result<Imported, StoreError> {
    let home = data.join(INCOMING);
    recover::remove_dir(&home)?;
    let dir = DataDir::open(&home)?;
    let imported = import(&incoming_archive(data), passphrase, &dir, None, progress);
    drop(dir);
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) => {
            recover::remove_dir(&home)?;
            return Err(error);
        }
    };
    file::sync_dir(data)?;
    file::replace(&data.join(ADOPT), format!("before-{} {OUT}", wall_now()).as_bytes())?;
    file::remove(&incoming_archive(data))?;
    Ok(imported)
}

/// Puts a whole copy in place, or goes on with that after a crash.
pub(super) fn adopt(home: &Path) -> Result<(), StoreError> {
    let mark = home.join(ADOPT);
    let Some(text) = file::read(&mark)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&text).into_owned();
    let (name, step) = text.split_once(' ').unwrap_or((&text, OUT));
    let (aside, incoming) = (home.join(name), home.join(INCOMING));
    let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(|source| StoreError::io("move", from, source));
    if step == OUT {
        file::make_dir(&aside)?;
        for (here, old) in PARTS.map(|part| (home.join(part), aside.join(part))) {
            if here.exists() && !old.exists() {
                rename(&here, &old)?;
            }
        }
        file::sync_dir(&aside)?;
        file::sync_dir(home)?;
        file::replace(&mark, format!("{name} {IN}").as_bytes())?;
    }
    for (new, here) in PARTS.map(|part| (incoming.join(part), home.join(part))) {
        if new.exists() {
            rename(&new, &here)?;
        }
    }
    file::sync_dir(home)?;
    file::remove(&mark)?;
    recover::remove_dir(&incoming)?;
    file::sync_dir(home)
}

const INCOMING: &str = "incoming";
const ADOPT: &str = "adopt";

/// The steps of the mark: what is here goes out, then the copy comes in.
const OUT: &str = "out";
const IN: &str = "in";

/// What belongs to an account.
const PARTS: [&str; 5] = ["keys", "db", "generation", "snapshots", "blobs"];
