//! Our own mailboxes: registering, collecting what waits there, acknowledging it once it is durable.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{BORN_KEY, grant_id, inbox_at};
use super::ctx::Ctx;
use super::handover::{Withdrawn, withdrawn};
use super::leave::Parting;
use super::node::State;
use super::receive::Source;
use super::seam::{CommandError, Event, Outcome, Refusal, Reply};
use super::timer::Timer;
use crate::types::limits::{FRAME_IDS_MAX, MAILBOXES_MAX};
use crate::types::{AccountId, Address, InboxId, PeerId, Scan, Table, View};
use crate::wire::card;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Claim, HandoverDone, Limits, Mail, MailAck, OpenInbox, Reason, Register, Registered, Report, Revoke};
use crate::wire::row::{self, ContactState};

/// The mailboxes that hold mail for this account.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    /// Their rows.
    pub(super) rows: BTreeMap<PeerId, row::Mailbox>,
    /// Those whose inbox is open on the present connection.
    pub(super) open: BTreeSet<PeerId>,
    /// Those that were asked to serve us and have not answered, and those that were asked again on the present connection.
    asked: BTreeSet<PeerId>,
    asked_again: BTreeSet<PeerId>,
    /// Places to acknowledge once what is in them is durable.
    acks: BTreeMap<PeerId, Vec<u64>>,
    /// What was handed over and is done with, to be told.
    pub(super) withdrawn: Withdrawn,
    /// Those that were given up and have not confirmed it.
    pub(super) partings: BTreeMap<PeerId, Parting>,
}

impl Mailboxes {
    /// As the store has them.
    pub(super) fn open(view: &dyn View) -> Self {
        let rows = view.scan(&Scan::prefix(Table::Mailbox, [])).into_iter();
        let rows = rows.filter_map(|(key, value)| Some((PeerId(key.try_into().ok()?), row::decode(&value).ok()?))).collect();
        Self { rows, withdrawn: withdrawn(view), ..Self::default() }
    }

    /// What the own card says of them.
    pub(super) fn for_card(&self) -> Vec<card::Mailbox> {
        let registered = self.rows.iter().filter(|(_, row)| row.registered);
        let listed = registered.map(|(peer, row)| card::Mailbox {
            peer: *peer,
            addresses: row.addresses.clone(),
            inbox: row.inbox,
            envelope_bytes: row.envelope_bytes,
            work_bits: row.work_bits,
        });
        listed.take(MAILBOXES_MAX).collect()
    }

    /// Those that confirmed, with the inbox there.
    pub(super) fn registered(&self) -> impl Iterator<Item = (PeerId, InboxId)> {
        self.rows.iter().filter(|(_, row)| row.registered).map(|(peer, row)| (*peer, row.inbox))
    }
}

impl State {
    /// Asks a relay for a mailbox.
    pub(super) fn relay_join(&mut self, ctx: &mut Ctx, link: &str) -> Result<Reply, CommandError> {
        let invite = card::RelayInvite::from_link(link)?;
        if invite.peer == ctx.keys.peer_id() {
            return Err(CommandError::Self_);
        }
        self.ask_mailbox(ctx, invite.peer, invite.addresses, Some(invite.secret), None)
    }

    /// Asks a contact's node for a mailbox.
    pub(super) fn neighbour_ask(&mut self, ctx: &mut Ctx, account: &AccountId) -> Result<Reply, CommandError> {
        let known = self.contacts.get(account).filter(|known| known.row.state == ContactState::Accepted).ok_or(CommandError::NoContact)?;
        let device = known.card.devices.first().ok_or(CommandError::NoContact)?;
        let (peer, addresses) = (device.peer, device.addresses.clone());
        self.ask_mailbox(ctx, peer, addresses, None, Some(*account))
    }

    fn ask_mailbox(
        &mut self,
        ctx: &mut Ctx,
        peer: PeerId,
        addresses: Vec<Address>,
        secret: Option<[u8; 32]>,
        neighbour: Option<AccountId>,
    ) -> Result<Reply, CommandError> {
        if !self.mailboxes.rows.contains_key(&peer) && self.mailboxes.rows.len() >= MAILBOXES_MAX {
            return Err(CommandError::TooMany("mailboxes"));
        }
        let known = self.mailboxes.rows.get(&peer).filter(|row| row.registered);
        let row = row::Mailbox {
            addresses,
            inbox: inbox_at(ctx.keys, &peer),
            registered: known.is_some(),
            secret,
            neighbour,
            envelope_bytes: known.map_or(crate::types::limits::ENVELOPE_BYTES_MAX as u64, |row| row.envelope_bytes),
            ttl_ms: known.map_or(crate::types::limits::ENVELOPE_TTL_MS, |row| row.ttl_ms),
            work_bits: known.map_or(crate::types::limits::STRANGER_WORK_BITS, |row| row.work_bits),
            quota_bytes: known.map_or(0, |row| row.quota_bytes),
            refused: None,
        };
        self.forget_parting(ctx, &peer);
        self.save_mailbox(ctx, peer, row);
        if self.peers.is_up(&peer) {
            self.register(ctx, peer);
        } else {
            self.want_now(ctx, peer);
        }
        Ok(Reply::Mailbox(peer))
    }

    /// A former device of this account had a mailbox: it knows its owner, and needs no link to serve on.
    pub(super) fn resume_mailbox(&mut self, ctx: &mut Ctx, mailbox: &card::Mailbox) {
        if mailbox.peer != ctx.keys.peer_id() && !self.mailboxes.rows.contains_key(&mailbox.peer) {
            let neighbour = self.contacts.by_peer(&mailbox.peer).map(|(account, _)| account);
            let asked = self.ask_mailbox(ctx, mailbox.peer, mailbox.addresses.clone(), None, neighbour);
            tracing::debug!(is_asked = asked.is_ok(), "a mailbox of a former device is asked to serve on");
        }
    }

    /// Gives up a mailbox: what waits there is forgotten by it.
    pub(super) fn mailbox_leave(&mut self, ctx: &mut Ctx, peer: PeerId) -> Result<Reply, CommandError> {
        let row = self.mailboxes.rows.remove(&peer).ok_or(CommandError::NoMailbox)?;
        self.mailboxes.open.remove(&peer);
        self.mailboxes.acks.remove(&peer);
        self.mailboxes.withdrawn.remove(&peer);
        for (key, _) in ctx.scan(&Scan::prefix(Table::Withdrawn, peer.0)) {
            ctx.delete(Table::Withdrawn, key);
        }
        ctx.delete(Table::Mailbox, peer.0);
        self.part_from(ctx, peer, row.addresses);
        // No former card brings it back.
        ctx.delete(Table::Meta, BORN_KEY);
        ctx.emit(Event::Mailbox(peer));
        self.refresh_card(ctx);
        Ok(Reply::Done)
    }

    pub(super) fn save_mailbox(&mut self, ctx: &mut Ctx, peer: PeerId, row: row::Mailbox) {
        ctx.put(Table::Mailbox, peer.0, &row);
        self.mailboxes.rows.insert(peer, row);
        ctx.emit(Event::Mailbox(peer));
    }

    /// A stream to one of our mailboxes is open.
    pub(super) fn on_mailbox_up(&mut self, ctx: &mut Ctx, peer: PeerId) {
        self.register(ctx, peer);
    }

    /// A contact has proved who it is, and knows who we are: a mailbox there that did not serve a stranger may serve us.
    pub(super) fn on_neighbour(&mut self, ctx: &mut Ctx, peer: PeerId) {
        if self.mailboxes.rows.get(&peer).is_some_and(|row| !row.registered) {
            self.register(ctx, peer);
        }
    }

    /// A stream to one of our mailboxes is gone.
    pub(super) fn on_mailbox_down(&mut self, peer: &PeerId) {
        self.mailboxes.open.remove(peer);
        self.mailboxes.acks.remove(peer);
        self.mailboxes.asked.remove(peer);
        self.mailboxes.asked_again.remove(peer);
        self.mailboxes.withdrawn.get_mut(peer).into_iter().flatten().for_each(|(_, is_told)| *is_told = false);
    }

    /// Registers (again: that tells a mailbox which devices read, and makes one that lost its rows serve us anew).
    fn register(&mut self, ctx: &mut Ctx, peer: PeerId) {
        let Some(row) = self.mailboxes.rows.get(&peer) else { return };
        let register = Register {
            inbox: row.inbox,
            owner: ctx.keys.inbox_owner(&peer).public(),
            readers: vec![ctx.keys.inbox_reader(&peer).public()],
            claim: row.secret.map_or(Claim::Contact, Claim::Secret),
            signature: [0; 64],
        };
        self.mailboxes.asked.insert(peer);
        ctx.transmit(peer, Frame::Register(register.sign(&peer, &ctx.keys.inbox_owner(&peer))));
    }

    /// A mailbox of ours confirmed.
    pub(super) fn handle_registered(&mut self, ctx: &mut Ctx, from: PeerId, registered: &Registered) -> Outcome {
        let Some(row) = self.mailboxes.rows.get(&from).filter(|row| row.inbox == registered.inbox) else {
            return Outcome::Refused(Refusal::Unknown);
        };
        let fresh =
            row::Mailbox { registered: true, refused: None, quota_bytes: registered.quota_bytes, ttl_ms: registered.ttl_ms, ..row.clone() };
        if fresh != *row {
            self.save_mailbox(ctx, from, fresh);
            self.refresh_card(ctx);
        }
        self.note_time(ctx, from, registered.wall);
        self.mailboxes.asked.remove(&from);
        self.mailboxes.open.insert(from);
        self.open_inbox(ctx, from);
        self.timers.sooner(Timer::Acks, ctx.now.mono);
        self.revoke_blocked(ctx, from, registered.inbox);
        Outcome::Accepted
    }

    /// Has a mailbox send what waits, from the start: what was deferred before is sent once more.
    pub(super) fn open_inbox(&mut self, ctx: &mut Ctx, mailbox: PeerId) {
        let Some(row) = self.mailboxes.rows.get(&mailbox).filter(|_| self.mailboxes.open.contains(&mailbox)) else { return };
        let reader = ctx.keys.inbox_reader(&mailbox);
        let open = OpenInbox { inbox: row.inbox, reader: reader.public(), proof: [0; 64] };
        ctx.transmit(mailbox, Frame::OpenInbox(open.sign(&ctx.keys.peer_id(), &mailbox, &reader)));
    }

    /// Tells a mailbox which tokens are no longer good; saying it again does no harm.
    pub(super) fn revoke_blocked(&mut self, ctx: &mut Ctx, mailbox: PeerId, inbox: InboxId) {
        let revoked = self.contacts.iter().flat_map(|(account, known)| {
            let rounds = known.row.grant_round;
            (0..rounds).map(move |round| (*account, round))
        });
        let mut tokens: Vec<[u8; 16]> = revoked.map(|(account, round)| grant_id(ctx.keys, &mailbox, &account.0, round)).collect();
        tokens.extend(self.revoked_of_groups(ctx, &mailbox));
        for tokens in tokens.chunks(FRAME_IDS_MAX) {
            let revoke = Revoke { inbox, tokens: tokens.to_vec(), signature: [0; 64] };
            ctx.transmit(mailbox, Frame::Revoke(revoke.sign(&mailbox, &ctx.keys.inbox_owner(&mailbox))));
        }
    }

    /// What a mailbox takes.
    pub(super) fn handle_limits(&mut self, ctx: &mut Ctx, from: PeerId, limits: &Limits) -> Outcome {
        if let Some(row) = self.mailboxes.rows.get(&from) {
            let envelope_bytes = limits.envelope_bytes.min(crate::types::limits::ENVELOPE_BYTES_MAX as u64);
            let fresh = row::Mailbox { envelope_bytes, work_bits: limits.work_bits, ttl_ms: limits.ttl_ms, ..row.clone() };
            if fresh != *row {
                self.save_mailbox(ctx, from, fresh);
                self.refresh_card(ctx);
            }
        }
        Outcome::Accepted
    }

    /// A mailbox of ours refuses something that is about our inbox: to serve us, to open it, or to remember tokens that are no longer good.
    pub(super) fn on_own_refused(&mut self, ctx: &mut Ctx, from: PeerId, reason: Reason) {
        let is_unserved = matches!(reason, Reason::UnknownInbox | Reason::NotServed | Reason::Signature);
        if self.mailboxes.asked.remove(&from) {
            self.on_register_refused(ctx, from, reason);
        } else if is_unserved && self.mailboxes.asked_again.insert(from) {
            // It served us a moment ago and has forgotten us, or this device.
            self.register(ctx, from);
        } else if is_unserved {
            self.on_register_refused(ctx, from, reason);
        } else if let Some(row) = self.mailboxes.rows.get(&from).filter(|row| row.refused != Some(reason)).cloned() {
            // It has no room for more of that, and serves us all the same.
            tracing::warn!(mailbox = ?from, ?reason, "a mailbox refuses to open the inbox, or to remember revoked tokens");
            self.save_mailbox(ctx, from, row::Mailbox { refused: Some(reason), ..row });
        }
    }

    /// A mailbox of ours does not serve us.
    fn on_register_refused(&mut self, ctx: &mut Ctx, from: PeerId, reason: Reason) {
        let Some(row) = self.mailboxes.rows.get(&from) else { return };
        if row.refused != Some(reason) || row.registered {
            let fresh = row::Mailbox { registered: false, refused: Some(reason), ..row.clone() };
            self.save_mailbox(ctx, from, fresh);
            self.refresh_card(ctx);
        }
    }

    /// An envelope that waited.
    pub(super) fn handle_mail(&mut self, ctx: &mut Ctx, from: PeerId, mail: Mail) -> Outcome {
        // What was on its way when the person gave this mailbox up is nobody's fault.
        if !self.mailboxes.open.contains(&from) {
            return Outcome::Refused(Refusal::Unwanted);
        }
        self.receive(ctx, Source::Mail { mailbox: from, inbox: mail.inbox, sequence: mail.sequence }, mail.envelope)
    }

    /// What waited at this place is durable: the mailbox may release it, in the next deadline's frame.
    pub(super) fn acknowledge(&mut self, ctx: &Ctx, mailbox: PeerId, sequence: u64) {
        if self.mailboxes.open.contains(&mailbox) {
            self.mailboxes.acks.entry(mailbox).or_default().push(sequence);
            self.timers.sooner(Timer::Acks, ctx.now.mono);
        }
    }

    /// Sends the acknowledgements that wait.
    pub(super) fn send_mail_acks(&mut self, ctx: &mut Ctx) {
        for (peer, sequences) in std::mem::take(&mut self.mailboxes.acks) {
            let Some(row) = self.mailboxes.rows.get(&peer) else { continue };
            for sequences in sequences.chunks(FRAME_IDS_MAX) {
                ctx.transmit(peer, Frame::MailAck(MailAck { inbox: row.inbox, sequences: sequences.to_vec() }));
            }
        }
    }

    /// A mailbox of ours tells what became of something handed over.
    pub(super) fn handle_report(&mut self, ctx: &mut Ctx, from: PeerId, report: Report) -> Outcome {
        if !self.mailboxes.open.contains(&from) {
            return Outcome::Refused(Refusal::Unwanted);
        }
        self.acknowledge(ctx, from, report.sequence);
        match report.done {
            HandoverDone::Held { by, held } => self.handle_held(ctx, by, &held, Some(from)),
            HandoverDone::Delivered(delivered) => self.handle_delivered(ctx, &delivered, Some(from)),
            HandoverDone::Expired { envelope, to } => {
                self.on_given_up(ctx, from, &envelope, &to);
                Outcome::Accepted
            }
        }
    }
}
