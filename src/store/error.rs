//! What can be wrong with a directory, its keys or its rows, each in a sentence for the person.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::ArchiveError;
use super::sled::Fault;
use crate::types::Table;

/// What is wrong with the store or the directory. The sentence is for the person.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{path} is in use by the tidings node with process id {pid}: stop that one first, or use another --data directory")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process.
        pid: u32,
    },
    /// Something else than a directory has that name.
    #[error("{path} is not a directory: choose another one with --data")]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// Somebody else's files are in it.
    #[error("{path} holds files that are not from tidings, and nothing in it was touched: choose an empty or a new directory with --data")]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// Nothing can be written there.
    #[error("{path} cannot be written to ({source}): give this user the right to write there, or choose another directory with --data")]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The directory is of a later release.
    #[error("{path} was made by a newer tidings (format {found}, this one knows {known}): nothing was touched; run the newer release")]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// An import stopped half way.
    #[error(
        "an import into {path} did not finish, so it holds only a part: delete that directory and import again; the archive is unchanged"
    )]
    ImportUnfinished {
        /// The directory.
        path: PathBuf,
    },
    /// Only an empty directory can take an archive.
    #[error("{path} already holds an account, and nothing in it was touched: import into an empty or a new directory (--data)")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The root key is under a passphrase and none was given.
    #[error("{path} is protected by a passphrase: give it with --passphrase-file or in TIDINGS_PASSPHRASE; your messages are untouched")]
    PassphraseMissing {
        /// The directory.
        path: PathBuf,
    },
    /// It is another one.
    #[error("that is not the passphrase of {path}: try again; your messages are untouched")]
    PassphraseWrong {
        /// The directory.
        path: PathBuf,
    },
    /// A key file is not what was written.
    #[error(
        "the key file {path} is damaged: put it back from a backup, or import your archive into a new directory; no message was changed"
    )]
    KeyDamaged {
        /// The file.
        path: PathBuf,
    },
    /// A key file that was there is gone.
    #[error(
        "the key file {path} is missing: put it back from a backup, or import your archive into a new directory; no message was changed"
    )]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// A recovery phrase for a directory that has another account.
    #[error("{path} already holds another account: use a new --data directory for this recovery phrase")]
    AccountExists {
        /// The directory.
        path: PathBuf,
    },
    /// The rows were sealed under another root key.
    #[error(
        "the messages in {path} were sealed under other keys than those in its keys directory: put back the key files that belong to it"
    )]
    WrongKey {
        /// The directory.
        path: PathBuf,
    },
    /// The rows are of a later release.
    #[error(
        "the messages in {path} were written by a newer tidings (schema {found}, this one knows {known}): nothing was changed; run the newer release"
    )]
    NewerSchema {
        /// The directory.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// Too little room to open.
    #[error(
        "the disk of {path} is full ({free_mb} MB free, {needed_mb} MB needed): free some space and start again; all messages are safe as long as it stays closed"
    )]
    NoRoomToOpen {
        /// The directory.
        path: PathBuf,
        /// Free room, in MB.
        free_mb: u64,
        /// Room needed, in MB.
        needed_mb: u64,
    },
    /// Too little room to go on.
    #[error("the disk of {path} is full ({free_mb} MB free): the node stops before anything is lost; free some space and start it again")]
    DiskFull {
        /// The directory.
        path: PathBuf,
        /// Free room, in MB.
        free_mb: u64,
    },
    /// The database cannot be read.
    #[error("the database in {path} is damaged: restart the node, which moves it aside and rebuilds from its last snapshot ({source})")]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What the engine said.
        source: Arc<Fault>,
    },
    /// One row cannot be read.
    #[error("a stored row of table {table:?} cannot be read: restart the node, which checks its database and rebuilds what is damaged")]
    Row {
        /// The table.
        table: Table,
    },
    /// The system refused a file operation.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// An archive that cannot be used.
    #[error("{path}: {source}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: ArchiveError,
    },
    /// So much was written during an export that it could not keep a consistent picture.
    #[error(
        "too much was written while the export ran, and nothing was kept of it: try again when the node is less busy, or stop it first"
    )]
    Overtaken,
    /// The store was closed.
    #[error("the store is closed; nothing was written")]
    Closed,
}

impl StoreError {
    /// A failed file operation.
    pub(super) fn io(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.to_path_buf(), source: Arc::new(source.into()) }
    }

    /// The directory of bodies cannot be used.
    pub(crate) fn blobs(path: &Path, source: io::Error) -> Self {
        Self::io("use the files of media in", path, source)
    }

    /// A failed operation of the engine.
    pub(super) fn engine(path: &Path, fault: Fault) -> Self {
        match fault {
            Fault::Io(source) => Self::io("use the database in", path, source),
            fault => Self::Damaged { path: path.to_path_buf(), source: Arc::new(fault) },
        }
    }
}
