//! `tidings export`: everything into one sealed archive, from a running node or a stopped one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Context;
use super::failure::Failure;
use super::out::{bytes, count};
use super::passphrase::{open_store, open_vault, require_account};
use super::secret;
use crate::api::body::{Export, NewExport};
use crate::store::{Blobs, DataDir};

/// Everything into one sealed archive.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The archive to write
    file: PathBuf,
    /// A file with the archive's passphrase (or TIDINGS_ARCHIVE_PASSPHRASE) [default: asks]
    #[arg(long, value_name = "FILE")]
    archive_passphrase_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        require_account(context)?;
        let path = std::path::absolute(&self.file)?;
        if path.exists() {
            return Err(Failure::failed(format!("{} is there already: choose another name, or move it away", path.display())));
        }
        let passphrase = secret::archive_passphrase(self.archive_passphrase_file.as_deref(), true)?;
        let new = NewExport { path: path.display().to_string(), passphrase: passphrase.to_string() };
        let online = context.client().and_then(|client| client.patient(LONG_WORK).post::<Export>("/api/v1/export", &new));
        let export = match online {
            Err(Failure::NoNode(_)) => offline(context, &path, &passphrase)?,
            other => other?,
        };
        context.out.answer(&export, || format!("{} in {}, {}.", count(export.rows, "row", "rows"), path.display(), bytes(export.bytes)))
    }
}

fn offline(context: &Context, path: &Path, passphrase: &str) -> Result<Export, Failure> {
    let dir = DataDir::open(&context.data)?;
    let vault = open_vault(context, &dir)?;
    let store = open_store(&dir, &vault)?;
    let bar = progress("rows written");
    let exported = store.export(&vault.keys, passphrase, path, &mut |done| bar.set_position(done.rows));
    bar.finish_and_clear();
    let exported = exported?;
    let blobs = Blobs::open(&context.data).map_err(|error| Failure::failed(format!("the files of media cannot be read ({error})")))?;
    let bodies = blobs.export(&store, path)?;
    store.close()?;
    Ok(Export { rows: exported.rows, bytes: exported.bytes + bodies })
}

/// Archives and checks of large directories take as long as reading them does.
pub(super) const LONG_WORK: Duration = Duration::from_secs(3_600);

/// Shows how far a long work is, when a person looks.
pub(super) fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
