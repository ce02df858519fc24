//! The account's own side: its card, and the tokens it gives out.

use super::ctx::Ctx;
use super::node::State;
use super::seam::{Misbehaviour, Outcome};
use super::timer::Timer;
use crate::crypto::keys::{Keys, Signing};
use crate::crypto::label::{Label, derive};
use crate::types::limits::{
    CARD_DELAY_MS, CARD_MS_MIN, CARDS_AT_ONCE_MAX, ENVELOPE_TTL_MS, GRANT_TTL_MS, KEY_PACKAGE_RENEW_MS, NAME_BYTES_MAX,
};
use crate::types::{AccountId, Address, InboxId, Millis, PeerId, Table, View};
use crate::wire::card::{self, Card};
use crate::wire::mailbox::{Grant, Token};
use crate::wire::row::{self, ContactState};

/// Where the own signed card lies in `Table::Meta`.
pub(super) const CARD_KEY: &[u8] = b"card";
/// Where in `Table::Meta` stands when the own card was made.
const MADE_KEY: &[u8] = b"card made";
/// Where in `Table::Meta` stands when this device began, and with which number of the account's card.
pub(super) const BORN_KEY: &[u8] = b"born";

/// The account's own record.
#[derive(Debug)]
pub(super) struct Account {
    /// The card that contacts get.
    pub(super) card: Card,
    /// Its signed bytes.
    pub(super) signed: Vec<u8>,
    /// Where this node can be dialled.
    pub(super) addresses: Vec<Address>,
    /// Until when cards are made on credit, on the monotonic clock: each one takes `CARD_MS_MIN` of it.
    credit: Millis,
    /// When the card was made (wall clock); its number can be ahead of that, where the clock was set back.
    made: Millis,
}

impl Account {
    /// As the store has it; a new account starts with an unnumbered card.
    pub(super) fn open(view: &dyn View, keys: &Keys, name: &str) -> Self {
        let signed = view.get(Table::Meta, CARD_KEY).unwrap_or_default();
        let card = card::Signed::open(&signed).unwrap_or_else(|_| Card {
            account: keys.account_id(),
            number: 0,
            name: bounded_name(name),
            seal: keys.seal_public(),
            devices: Vec::new(),
            mailboxes: Vec::new(),
        });
        let made = view.get(Table::Meta, MADE_KEY).and_then(|bytes| row::decode(&bytes).ok()).unwrap_or(card.number);
        Self { card, signed, addresses: Vec::new(), credit: 0, made }
    }

    /// Whether one more card may be made; if not, when. Our own mailboxes could make us tell everybody of a change at each frame of theirs.
    fn take_credit(&mut self, now: Millis, is_wanted: bool) -> Result<(), Millis> {
        let spent = self.credit.max(now);
        let limit = CARD_MS_MIN * (CARDS_AT_ONCE_MAX - 1);
        if spent - now > limit && !is_wanted {
            return Err(spent - limit);
        }
        self.credit = spent + CARD_MS_MIN;
        Ok(())
    }
}

/// A name cut to its bound at a character.
pub(super) fn bounded_name(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

impl State {
    /// Makes a new card when something in it changed, and tells contacts soon. When there were many a moment ago it is made later, of what is so
    /// then; what the person wants is told at once.
    pub(super) fn refresh_card(&mut self, ctx: &mut Ctx) {
        let own = card::Device {
            device: ctx.keys.device_id(),
            peer: ctx.keys.peer_id(),
            addresses: self.account.addresses.clone(),
            certificate: ctx.keys.certificate,
        };
        let mailboxes = self.mailboxes.for_card();
        let card = Card { devices: vec![own], mailboxes, seal: ctx.keys.seal_public(), ..self.account.card.clone() };
        let is_wanted = self.account.signed.is_empty();
        if card == self.account.card && !is_wanted {
            return;
        }
        if let Err(at) = self.account.take_credit(ctx.now.mono, is_wanted) {
            self.timers.sooner(Timer::Cards, at);
            return;
        }
        // The wall clock in the number keeps a restored account above the cards it published before.
        let number = (card.number + 1).max(ctx.now.wall);
        self.account.card = Card { number, ..card };
        self.account.signed = self.account.card.sign(&ctx.keys.account);
        self.account.made = ctx.now.wall;
        ctx.put_raw(Table::Meta, CARD_KEY, self.account.signed.clone());
        ctx.put(Table::Meta, MADE_KEY, &self.account.made);
        self.rooms.note_card(number);
        self.timers.sooner(Timer::Cards, ctx.now.mono + CARD_DELAY_MS);
        self.queue_groups(ctx);
    }

    /// Tokens and a key package travel with the card: it is made anew as often as the key package, so that no contact is left with old ones.
    pub(super) fn renew_grants(&mut self, ctx: &mut Ctx) {
        if ctx.now.wall.abs_diff(self.account.made) > KEY_PACKAGE_RENEW_MS {
            self.account.signed = Vec::new();
            self.refresh_card(ctx);
        }
    }

    /// This device begins: a card of a former one that is newer than what is known here may yet come back.
    pub(super) fn note_birth(&self, ctx: &mut Ctx) {
        ctx.put(Table::Meta, BORN_KEY, &(ctx.now.wall, self.account.card.number));
    }

    /// A contact gives back the card of a former device of this account: mailboxes that this one does not know are asked to serve on,
    /// once and soon after it began.
    pub(super) fn take_own_card(&mut self, ctx: &mut Ctx, signed: &[u8]) {
        let Ok(card) = card::Signed::open(signed) else { return };
        let Some((born, known)) = ctx.row::<(Millis, u64)>(Table::Meta, BORN_KEY) else { return };
        let is_former = card.account == ctx.keys.account_id() && card.devices.iter().all(|device| device.device != ctx.keys.device_id());
        if is_former && card.number > known && ctx.now.wall < born.saturating_add(ENVELOPE_TTL_MS) {
            for mailbox in card.mailboxes {
                self.resume_mailbox(ctx, &mailbox);
            }
        }
    }

    /// A contact gives back the newest card that it has of this account, since it was sent an older one: this device comes from a backup or the
    /// phrase, and the clock that numbered that card was ahead. Only a card above it is taken, so everybody is asked once more.
    pub(super) fn take_newer_card(&mut self, ctx: &mut Ctx, signed: &[u8]) -> Outcome {
        let Ok(card) = card::Signed::open(signed) else { return Outcome::Misbehaved(Misbehaviour::Signature) };
        if card.account != ctx.keys.account_id() {
            return Outcome::Misbehaved(Misbehaviour::Right);
        }
        if card.number <= self.account.card.number {
            return Outcome::Duplicate;
        }
        self.take_own_card(ctx, signed);
        self.account.card.number = card.number;
        self.account.signed = Vec::new();
        self.refresh_card(ctx);
        let is_waiting = |account: &AccountId| !self.rooms.has(&self.room_with(ctx, account));
        let accepted = self.contacts.iter().filter(|(_, known)| known.row.state == ContactState::Accepted).map(|(account, _)| *account);
        for account in accepted.filter(is_waiting).collect::<Vec<_>>() {
            self.request(ctx, &account);
        }
        Outcome::Accepted
    }

    /// Tokens for all own mailboxes, the same for the same holder and round.
    pub(super) fn grants_for(&self, ctx: &Ctx, holder: &[u8], round: u32) -> Vec<Grant> {
        self.mailboxes.registered().map(|(mailbox, inbox)| grant(ctx, &mailbox, inbox, holder, round)).collect()
    }
}

/// The name of the own inbox at a mailbox.
pub(super) fn inbox_at(keys: &Keys, mailbox: &PeerId) -> InboxId {
    InboxId(derive(Label::InboxName, &[&keys.inbox_owner(mailbox).public()]))
}

/// What stands for a receiver at our own mailbox, which is told no accounts.
pub(super) fn receiver_at(keys: &Keys, mailbox: &PeerId, account: &AccountId) -> InboxId {
    InboxId(derive(Label::HandoverReceiver, &[&keys.inbox_owner(mailbox).seed()[..], &account.0]))
}

/// Seed of the key of a token.
fn grant_seed(keys: &Keys, mailbox: &PeerId, holder: &[u8], round: u32) -> [u8; 32] {
    derive(Label::Grant, &[&keys.inbox_owner(mailbox).seed()[..], holder, &round.to_be_bytes()])
}

/// The id of the token that a holder got in a round, to revoke it.
pub(super) fn grant_id(keys: &Keys, mailbox: &PeerId, holder: &[u8], round: u32) -> [u8; 16] {
    let public = Signing::from_seed(&grant_seed(keys, mailbox, holder, round)).public();
    let hash = derive(Label::Grant, &[&public]);
    std::array::from_fn(|i| hash[i])
}

fn grant(ctx: &Ctx, mailbox: &PeerId, inbox: InboxId, holder: &[u8], round: u32) -> Grant {
    let seed = grant_seed(ctx.keys, mailbox, holder, round);
    let token = Token {
        inbox,
        id: grant_id(ctx.keys, mailbox, holder, round),
        holder: Signing::from_seed(&seed).public(),
        not_after: ctx.now.wall + GRANT_TTL_MS,
        signature: [0; 64],
    };
    Grant { mailbox: *mailbox, token: token.sign(&ctx.keys.inbox_owner(mailbox)), seed }
}
