//! `tidings neighbour`: friends whose nodes hold this account's mail.

use std::time::Duration;

use super::Context;
use super::client::{Client, segment};
use super::failure::Failure;
use super::out::escape_line;
use super::show;
use crate::api::body::AskNeighbour;
use crate::store::reader::view::{Mailbox, MailboxKind};
use crate::types::Millis;

/// Friends whose nodes hold your mail.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Ask a friend's node to hold your messages, and wait for its answer
    Ask {
        /// Their name, or the start of their id
        contact: String,
    },
    /// Friends who hold your messages, or were asked to
    List,
    /// Give up a friend's mailbox
    Leave {
        /// Their name, or the peer id of their node
        contact: String,
    },
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self.action {
            Action::Ask { contact } => {
                let ask = AskNeighbour { contact, wait_ms: Some(wait_ms(&client)) };
                let mailbox: Mailbox = waiting(client).post("/api/v1/neighbours", &ask)?;
                context.out.answer(&mailbox, || {
                    format!("{} holds your messages while you are away: {}.", escape_line(&mailbox.name), show::quota(&mailbox))
                })
            }
            Action::List => list(context, &client, MailboxKind::Neighbour),
            Action::Leave { contact } => leave(context, &client, &contact),
        }
    }
}

/// What the node itself waits for.
pub(super) fn wait_ms(client: &Client) -> Millis {
    u64::try_from(client.timeout().as_millis()).unwrap_or(u64::MAX)
}

/// A client that lets the node wait as long as the person said, and then answer.
pub(super) fn waiting(client: Client) -> Client {
    let timeout = client.timeout() + ANSWER_TIME;
    client.patient(timeout)
}

/// How long the answer itself may take.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Mailboxes of one kind.
pub(super) fn list(context: &mut Context, client: &Client, kind: MailboxKind) -> Result<(), Failure> {
    let mailboxes: Vec<Mailbox> = client.get("/api/v1/mailboxes")?;
    let mailboxes: Vec<Mailbox> = mailboxes.into_iter().filter(|mailbox| mailbox.kind == kind).collect();
    if context.out.is_json() {
        return mailboxes.iter().try_for_each(|mailbox| context.out.object(mailbox));
    }
    if mailboxes.is_empty() {
        let (who, how) = match kind {
            MailboxKind::Relay => ("No relay", "relay join LINK"),
            MailboxKind::Neighbour => ("No friend", "neighbour ask NAME"),
        };
        return context.out.text(&format!("{who} holds your messages: ask one with `{}`.", context.command(how)));
    }
    context.out.table(&mailboxes.iter().map(show::mailbox_row).collect::<Vec<_>>())
}

/// Gives up a mailbox.
pub(super) fn leave(context: &mut Context, client: &Client, mailbox: &str) -> Result<(), Failure> {
    client.delete(&format!("/api/v1/mailboxes/{}", segment(mailbox)))?;
    context.out.answer(&serde_json::json!({ "left": mailbox }), || "It no longer holds your messages; your contacts are told.".to_owned())
}
