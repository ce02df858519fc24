//! `tidings id`: who am I.

use super::Context;
use super::failure::Failure;
use super::out::escape_line;
use crate::api::body::{Identity, RecoveryPhrase};

/// Who am I.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the 24 words that bring the account back: whoever reads them is you
    #[arg(long)]
    recovery_phrase: bool,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        if self.recovery_phrase {
            let phrase: RecoveryPhrase = client.get("/api/v1/recovery-phrase")?;
            return context.out.answer(&phrase, || phrase.recovery_phrase.clone());
        }
        let id: Identity = client.get("/api/v1/id")?;
        if context.out.is_json() {
            return context.out.object(&id);
        }
        let row = |key: &str, value: String| vec![key.to_owned(), value];
        let mut rows = vec![
            row("name", escape_line(&id.name)),
            row("account", id.account.to_string()),
            row("device", id.device.to_string()),
            row("peer", id.peer.to_string()),
        ];
        rows.extend(id.listen.iter().enumerate().map(|(at, address)| row(if at == 0 { "listens" } else { "" }, address.to_string())));
        context.out.table(&rows)
    }
}
