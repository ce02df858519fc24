//! Passphrases: from a file, the environment, or the person, never from the arguments, where everybody on the machine sees them.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::failure::Failure;
use super::out::is_interactive;

/// The passphrase of the data directory, when the person gave one.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    given(file, "TIDINGS_PASSPHRASE")
}

/// The passphrase of an archive: given, or asked for.
pub(crate) fn archive_passphrase(file: Option<&Path>, is_new: bool) -> Result<Zeroizing<String>, Failure> {
    match given(file, "TIDINGS_ARCHIVE_PASSPHRASE")? {
        Some(passphrase) => Ok(passphrase),
        None if !is_interactive() => Err(Failure::usage(
            "the archive is sealed under a passphrase: give it with --archive-passphrase-file or in TIDINGS_ARCHIVE_PASSPHRASE",
        )),
        None if is_new => ask_new("Passphrase for the archive"),
        None => ask("Passphrase of the archive"),
    }
}

/// A secret from a file (its first line) or from the environment.
pub(crate) fn given(file: Option<&Path>, variable: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let secret = match file {
        Some(file) => {
            let text = Zeroizing::new(
                std::fs::read_to_string(file).map_err(|error| Failure::failed(format!("cannot read {}: {error}", file.display())))?,
            );
            Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
        }
        None => std::env::var(variable).ok().map(Zeroizing::new),
    };
    match secret {
        Some(secret) if secret.is_empty() => Err(Failure::usage("the passphrase is empty: write one into the file, or leave it out")),
        secret => Ok(secret),
    }
}

/// Asks the person for a secret.
pub(crate) fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut stderr = io::stderr();
    write!(stderr, "{prompt}: ")?;
    stderr.flush()?;
    let is_hidden = echo(false);
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().read_line(&mut line);
    if is_hidden {
        echo(true);
        writeln!(stderr)?;
    }
    read?;
    let secret = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if secret.is_empty() { Err(Failure::usage("no passphrase was given; nothing was changed")) } else { Ok(secret) }
}

/// Asks the person for a new secret, twice.
pub(crate) fn ask_new(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let first = ask(prompt)?;
    if *ask("The same again")? != *first {
        return Err(Failure::usage("the two passphrases differ; nothing was changed"));
    }
    Ok(first)
}

/// Shows or hides what is typed; `false` when this terminal cannot.
fn echo(on: bool) -> bool {
    let word = if on { "echo" } else { "-echo" };
    Command::new("stty").arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
