//! `tidings passphrase`: protect a data directory. The node must not run: one process for each directory.

use super::Context;
use super::failure::Failure;
use super::out::{is_interactive, remark};
use super::secret;
use crate::store::{DataDir, OpenReport, Store, StoreError, Vault};

/// Protect this data directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Set or change the passphrase; the node has to be stopped
    Set {
        /// A file with the new passphrase (or TIDINGS_NEW_PASSPHRASE) [default: asks]
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<std::path::PathBuf>,
    },
    /// Remove it: the keys are then protected only by the rights of their files
    Remove,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        require_account(context)?;
        let dir = DataDir::open(&context.data)?;
        let vault = open_vault(context, &dir)?;
        let (protected, text) = match self.action {
            Action::Set { new_passphrase_file } => {
                let new = match secret::given(new_passphrase_file.as_deref(), "TIDINGS_NEW_PASSPHRASE")? {
                    Some(new) => new,
                    None if is_interactive() => secret::ask_new("New passphrase")?,
                    None => return Err(Failure::usage("give the new passphrase with --new-passphrase-file or in TIDINGS_NEW_PASSPHRASE")),
                };
                vault.set_passphrase(&dir, Some(&new))?;
                (true, "The passphrase is set. Without it nobody, you included, can open this directory: keep the recovery phrase too.")
            }
            Action::Remove if !vault.is_protected => (false, "There was no passphrase on this directory, and nothing was changed."),
            Action::Remove => {
                vault.set_passphrase(&dir, None)?;
                (false, "The passphrase is removed: whoever can read the files of this directory can open it.")
            }
        };
        context.out.answer(&serde_json::json!({ "protected": protected }), || text.to_owned())
    }
}

/// Opens the keys of a directory, with the passphrase that was given, or asking for it.
pub(super) fn open_vault(context: &Context, dir: &DataDir) -> Result<Vault, Failure> {
    let given = secret::passphrase(context.passphrase_file.as_deref())?;
    match Vault::open(dir, given.as_ref().map(|given| given.as_str()), None) {
        Err(StoreError::PassphraseMissing { .. }) if is_interactive() => {
            Ok(Vault::open(dir, Some(&secret::ask("Passphrase of the data directory")?), None)?)
        }
        vault => Ok(vault?),
    }
}

/// Opens the rows of a directory whose node does not run, and tells what had to be done for it.
pub(super) fn open_store(dir: &DataDir, vault: &Vault) -> Result<Store, Failure> {
    let (store, report) = Store::open(dir, &vault.root)?;
    tell(&report);
    Ok(store)
}

/// Whoever opens a damaged database is told: the next one finds a whole one.
pub(super) fn tell(report: &OpenReport) {
    if let Some(path) = &report.moved_aside {
        let rows = report.restored_rows;
        remark(&format!("the database was damaged and is now in {}; {rows} rows came back from the last snapshot", path.display()));
    }
    if report.rooms_lost {
        remark(
            "the keys of your rooms could not be read (keys/ring is missing, damaged, or not of one time with the database): your messages are whole; \
             this node goes on as a new device of your account, and your contacts' nodes add it to your rooms again when both are online",
        );
    }
}

/// Opening a directory would make an account in it; here that would be a mistake in its name.
pub(super) fn require_account(context: &Context) -> Result<(), Failure> {
    if context.data.join("keys").is_dir() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "there is no account in {}: name its directory with --data, or start a node there first",
        context.data.display()
    )))
}
