//! `tidings relay`: mailboxes at a community's relay, and invitations to one's own.

use super::Context;
use super::failure::Failure;
use super::neighbour::{leave, list, wait_ms, waiting};
use super::show;
use crate::api::body::{JoinRelay, Link, NewInvite};
use crate::store::reader::view::{Mailbox, MailboxKind};

/// A community's relay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a link with which others join this relay (a node started with --relay)
    Invite,
    /// Have your messages held by a relay, and wait until it confirmed
    Join {
        /// Its link: tidings-relay:…
        link: String,
    },
    /// Relays that hold your messages, or were asked to
    List,
    /// Give up your mailbox at a relay
    Leave {
        /// Its peer id, or the start or end of it
        relay: String,
    },
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self.action {
            Action::Invite => {
                let link: Link = client.post("/api/v1/relay/invite", &NewInvite::default())?;
                context.out.answer(&link, || link.link.clone())
            }
            Action::Join { link } => {
                let join = JoinRelay { link, wait_ms: Some(wait_ms(&client)) };
                let mailbox: Mailbox = waiting(client).post("/api/v1/relay/join", &join)?;
                context.out.answer(&mailbox, || format!("The relay holds your messages while you are away: {}.", show::quota(&mailbox)))
            }
            Action::List => list(context, &client, MailboxKind::Relay),
            Action::Leave { relay } => leave(context, &client, &relay),
        }
    }
}
