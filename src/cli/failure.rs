//! What ends a command before it is done, and the exit code scripts see.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::out::escape_line;
use crate::config::ConfigError;

/// Why a command is not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was tried and did not work.
    Failed(anyhow::Error),
    /// It makes no sense as it was asked.
    Usage(String),
    /// No node runs on this data directory.
    NoNode(PathBuf),
    /// Nobody reads what is printed any more.
    Unread,
}

/// Exit code for wrong use.
pub(super) const USAGE: u8 = 2;

const FAILED: u8 = 1;
const NO_NODE: u8 = 3;

impl Failure {
    /// It was tried, and this is what to say.
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed(anyhow::Error::msg(sentence.into()))
    }

    /// It makes no sense as it was asked.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// Says on stderr, in one line, what is wrong and what to do; the one map to exit codes.
    pub(super) fn report(self) -> ExitCode {
        let (code, sentence) = match self {
            Self::Unread => return ExitCode::SUCCESS,
            Self::Failed(error) => (FAILED, sentence(&error)),
            Self::Usage(sentence) => (USAGE, sentence),
            Self::NoNode(data) => {
                let sentence = format!("no node is running on {}: start it with `tidings --data {0} run`", data.display());
                (NO_NODE, sentence)
            }
        };
        eprintln!("tidings: {}", escape_line(&sentence));
        ExitCode::from(code)
    }
}

/// The error with those of its causes that it does not name itself.
fn sentence(error: &anyhow::Error) -> String {
    let add = |said: String, cause: String| if said.contains(&cause) { said } else { format!("{said}: {cause}") };
    error.chain().map(ToString::to_string).reduce(add).unwrap_or_default()
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = anyhow::Error::from(error);
        if let Some(ConfigError::Key { .. } | ConfigError::Value { .. }) = error.downcast_ref() {
            return Self::Usage(error.to_string());
        }
        match error.downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(error),
        }
    }
}
