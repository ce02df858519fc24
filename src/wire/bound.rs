//! How large the parts of untrusted values may be. `codec::open` asks here before anybody acts on a value; addresses check
//! themselves, and the codec bounds memory.

use super::blob;
use super::card::{self, Card, Invite, RelayInvite};
use super::content::{self, Body, Content, Knock};
use super::frame::{Delivered, Heads, Hello};
use super::mailbox as mail;
use crate::types::limits::{
    ADDRESSES_MAX, ASK_PIECES_MAX, CARD_BYTES_MAX, CHUNK_BYTES, COPY_BYTES_MAX, DEVICES_MAX, ENVELOPE_BYTES_MAX, FILE_NAME_BYTES_MAX,
    FRAME_IDS_MAX, GREETING_BYTES_MAX, HANDOVER_TARGETS_MAX, KEY_PACKAGES_MAX, MAILBOXES_MAX, MEMBER_CARDS_MAX, NAME_BYTES_MAX,
    PADDED_BYTES_MAX, REACTION_BYTES_MAX, RELAY_ANNOUNCE_MS, RELAY_PAUSE_MS_MAX, REQUEST_BYTES_MAX, TEXT_BYTES_MAX,
};
use crate::types::{Address, EnvelopeId};

/// Whether an honest node makes such a value.
pub trait Bounded {
    /// Within the limits of every part.
    fn is_bounded(&self) -> bool;
}

macro_rules! fixed_size {
    ($($name:ty),+) => { $(impl Bounded for $name { fn is_bounded(&self) -> bool { true } })+ };
}

fixed_size!(blob::Lack, blob::BlobHeld, blob::BlobRefused, blob::BlobDone);
fixed_size!(Hello, mail::Limits, mail::Registered, mail::OpenInbox, mail::OpenToken, mail::Refused, mail::LeaveInbox, mail::MailEnd);

/// An envelope as a frame carries it.
impl Bounded for Vec<u8> {
    fn is_bounded(&self) -> bool {
        self.len() <= ENVELOPE_BYTES_MAX
    }
}

impl Bounded for Vec<EnvelopeId> {
    fn is_bounded(&self) -> bool {
        self.len() <= FRAME_IDS_MAX
    }
}

impl Bounded for Delivered {
    fn is_bounded(&self) -> bool {
        self.envelopes.is_bounded()
    }
}

impl Bounded for Heads {
    fn is_bounded(&self) -> bool {
        self.heads.len() <= FRAME_IDS_MAX
    }
}

impl Bounded for mail::Register {
    fn is_bounded(&self) -> bool {
        (1..=DEVICES_MAX).contains(&self.readers.len())
    }
}

impl Bounded for mail::Mail {
    fn is_bounded(&self) -> bool {
        self.envelope.is_bounded()
    }
}

impl Bounded for mail::MailAck {
    fn is_bounded(&self) -> bool {
        self.sequences.len() <= FRAME_IDS_MAX
    }
}

/// The size of the envelope is for the mailbox to judge: it answers, so that the sender knows.
impl Bounded for mail::Deposit {
    fn is_bounded(&self) -> bool {
        (1..=FRAME_IDS_MAX).contains(&self.inboxes.len())
    }
}

impl Bounded for mail::Held {
    fn is_bounded(&self) -> bool {
        self.entries.len() <= FRAME_IDS_MAX
    }
}

/// The size of the envelope is for the mailbox to judge, as with a deposit.
impl Bounded for mail::Handover {
    fn is_bounded(&self) -> bool {
        (1..=HANDOVER_TARGETS_MAX).contains(&self.targets.len()) && self.targets.iter().all(|target| are_bounded(&target.addresses))
    }
}

impl Bounded for mail::Report {
    fn is_bounded(&self) -> bool {
        match &self.done {
            mail::HandoverDone::Held { held, .. } => held.is_bounded(),
            mail::HandoverDone::Delivered(delivered) => delivered.is_bounded(),
            mail::HandoverDone::Expired { .. } => true,
        }
    }
}

impl Bounded for blob::Ask {
    fn is_bounded(&self) -> bool {
        (1..=ASK_PIECES_MAX).contains(&self.pieces.len())
    }
}

impl Bounded for blob::Piece {
    fn is_bounded(&self) -> bool {
        self.bytes.len() as u64 <= CHUNK_BYTES + blob::TAG_BYTES
    }
}

impl Bounded for blob::Offer {
    fn is_bounded(&self) -> bool {
        self.listing.is_sound()
    }
}

impl Bounded for blob::Media {
    fn is_bounded(&self) -> bool {
        self.preview.is_bounded()
            && self.name.len() <= FILE_NAME_BYTES_MAX
            && self.caption.len() <= TEXT_BYTES_MAX
            && self.manifest.listing.is_sound()
    }
}

impl Bounded for mail::Withdraw {
    fn is_bounded(&self) -> bool {
        self.handovers.len() <= FRAME_IDS_MAX
    }
}

impl Bounded for mail::Revoke {
    fn is_bounded(&self) -> bool {
        self.tokens.len() <= FRAME_IDS_MAX
    }
}

impl Bounded for mail::Announcement {
    fn is_bounded(&self) -> bool {
        let has_pause = (RELAY_ANNOUNCE_MS..=RELAY_PAUSE_MS_MAX).contains(&self.pause);
        are_bounded(&self.addresses) && self.name.len() <= NAME_BYTES_MAX && has_pause
    }
}

impl Bounded for card::Signed {
    fn is_bounded(&self) -> bool {
        self.card.len() <= CARD_BYTES_MAX
    }
}

impl Bounded for Card {
    fn is_bounded(&self) -> bool {
        self.name.len() <= NAME_BYTES_MAX
            && (1..=DEVICES_MAX).contains(&self.devices.len())
            && self.mailboxes.len() <= MAILBOXES_MAX
            && self.devices.iter().all(|device| are_bounded(&device.addresses))
            && self.mailboxes.iter().all(|mailbox| are_bounded(&mailbox.addresses))
    }
}

impl Bounded for Invite {
    fn is_bounded(&self) -> bool {
        self.card.len() <= CARD_BYTES_MAX && self.grants.len() <= MAILBOXES_MAX
    }
}

impl Bounded for RelayInvite {
    fn is_bounded(&self) -> bool {
        are_bounded(&self.addresses)
    }
}

impl Bounded for content::Signed {
    fn is_bounded(&self) -> bool {
        self.card.len() <= CARD_BYTES_MAX && self.knock.len() <= ENVELOPE_BYTES_MAX
    }
}

impl Bounded for Knock {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Request { key_packages, grants, greeting, .. } => {
                (1..=KEY_PACKAGES_MAX).contains(&key_packages.len())
                    && key_packages.iter().map(Vec::len).sum::<usize>() <= REQUEST_BYTES_MAX
                    && grants.len() <= MAILBOXES_MAX
                    && greeting.len() <= GREETING_BYTES_MAX
            }
            Self::Welcome { grants, .. } => grants.len() <= MAILBOXES_MAX,
            Self::Rejoin { key_package, .. } => key_package.len() <= REQUEST_BYTES_MAX,
            Self::Newer { card } => card.len() <= CARD_BYTES_MAX,
        }
    }
}

/// What is in its body is judged when that is opened.
impl Bounded for Content {
    fn is_bounded(&self) -> bool {
        self.body.len() <= PADDED_BYTES_MAX
    }
}

impl Bounded for Body {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Text { text, .. } | Self::Edit { text, .. } => text.len() <= TEXT_BYTES_MAX,
            Self::Reaction { emoji, .. } => emoji.len() <= REACTION_BYTES_MAX,
            Self::Recall { .. } => true,
            Self::Receipt { delivered, read } => delivered.len() + read.len() <= FRAME_IDS_MAX,
            Self::Card { card, grants, key_packages } => {
                card.len() <= CARD_BYTES_MAX && grants.len() <= MAILBOXES_MAX && key_packages.len() <= KEY_PACKAGES_MAX
            }
            Self::Media(media) => media.is_bounded(),
            Self::Had { messages } => messages.len() <= FRAME_IDS_MAX,
            Self::Lost { envelopes } => envelopes.len() <= FRAME_IDS_MAX,
            Self::Ask { numbers, .. } | Self::Gone { numbers, .. } => numbers.len() <= FRAME_IDS_MAX,
            Self::Heads { heads, card, .. } => {
                heads.len() <= FRAME_IDS_MAX && card.as_ref().is_none_or(|card| card.len() <= CARD_BYTES_MAX)
            }
            Self::Copy { content } => content.len() <= COPY_BYTES_MAX,
            Self::Cards { cards } => {
                let fits = |(card, grants): &(Vec<u8>, Vec<_>)| card.len() <= CARD_BYTES_MAX && grants.len() <= MAILBOXES_MAX;
                cards.len() <= MEMBER_CARDS_MAX && cards.iter().all(fits)
            }
        }
    }
}

fn are_bounded(addresses: &[Address]) -> bool {
    addresses.len() <= ADDRESSES_MAX
}
