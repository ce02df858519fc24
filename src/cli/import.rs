//! `tidings import`: a new data directory from an archive.

use std::path::PathBuf;

use super::Context;
use super::export::progress;
use super::failure::Failure;
use super::out::{count, remark};
use super::secret;
use super::time;
use crate::store::{self, Blobs, DataDir, StoreError};

/// A new data directory from an archive.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The archive
    file: PathBuf,
    /// A file with the archive's passphrase (or TIDINGS_ARCHIVE_PASSPHRASE) [default: asks]
    #[arg(long, value_name = "FILE")]
    archive_passphrase_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        if !self.file.is_file() {
            return Err(Failure::failed(format!("there is no file {}: name the archive that `tidings export` wrote", self.file.display())));
        }
        if context.data.join("keys").exists() {
            return Err(StoreError::NotEmpty { path: context.data.clone() }.into());
        }
        let passphrase = secret::archive_passphrase(self.archive_passphrase_file.as_deref(), false)?;
        let protect = secret::passphrase(context.passphrase_file.as_deref())?;
        let dir = DataDir::open(&context.data)?;
        let bar = progress("rows read");
        let imported = store::import(&self.file, &passphrase, &dir, protect.as_ref().map(|secret| secret.as_str()), &mut |done| {
            bar.set_position(done.rows)
        })?;
        bar.finish_and_clear();
        Blobs::import(&self.file, &context.data)?;
        let answer = serde_json::json!({ "account": imported.vault.keys.account_id(), "rows": imported.rows, "made_at": imported.made_at });
        let run = context.command("run");
        context.out.answer(&answer, || {
            format!(
                "{} from {} (UTC) are here. Start the node with `{run}`.",
                count(imported.rows, "row", "rows"),
                time::day(imported.made_at)
            )
        })?;
        remark("never start the directory that was exported again: two nodes with the same keys would contradict each other");
        Ok(())
    }
}
