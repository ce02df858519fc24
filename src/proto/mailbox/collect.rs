//! Giving envelopes out: opening an inbox, sending in order within a window, acknowledging.

use std::collections::BTreeSet;

use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome, Refusal};
use crate::types::limits::{FRAME_IDS_MAX, INBOXES_OPEN_MAX};
use crate::types::{EnvelopeId, InboxId, PeerId, Scan, Table};
use crate::wire::codec;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Mail, MailAck, MailEnd, OpenInbox, Reason, Report};
use crate::wire::row as rows;

use super::acked::Acked;
use super::row::{Hold, Part, held_key, reader_key, sequence_of};
use super::session::Reading;
use super::{Service, body, refuse};

impl Service {
    /// Opening again on the same connection starts again: what was deferred is sent once more.
    pub(super) fn handle_open_inbox(&mut self, ctx: &mut Ctx, from: PeerId, open: &OpenInbox) -> Outcome {
        let Some(inbox) = self.inboxes.served(ctx, &open.inbox) else {
            return refuse(ctx, from, None, open.inbox, Reason::UnknownInbox);
        };
        if !inbox.registration.readers.contains(&open.reader) {
            return refuse(ctx, from, None, open.inbox, Reason::NotServed);
        }
        if !open.is_signed(&from, &ctx.keys.peer_id()) {
            refuse(ctx, from, None, open.inbox, Reason::Signature);
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        let readings = &mut self.sessions.entry(from).or_default().readings;
        if readings.len() >= INBOXES_OPEN_MAX && !readings.contains_key(&open.inbox) {
            return refuse(ctx, from, None, open.inbox, Reason::Full);
        }
        readings.insert(open.inbox, Reading::new(open.reader));
        self.readers.entry(open.inbox).or_default().insert(from);
        self.send_waiting(ctx, from, open.inbox);
        Outcome::Accepted
    }

    pub(super) fn handle_mail_ack(&mut self, ctx: &mut Ctx, from: PeerId, ack: &MailAck) -> Outcome {
        if ack.sequences.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let Some(reading) = self.sessions.get_mut(&from).and_then(|session| session.readings.get_mut(&ack.inbox)) else {
            return Outcome::Refused(Refusal::Unwanted);
        };
        ack.sequences.iter().for_each(|sequence| reading.answered(*sequence));
        let reader = reading.reader;
        let outcome = self.acknowledge(ctx, ack.inbox, &reader, ack.sequences.iter().copied().collect());
        self.send_waiting(ctx, from, ack.inbox);
        outcome
    }

    /// One reader has these. With a single reader an entry that is still there is one that it has not acknowledged, and
    /// nothing needs to be remembered.
    fn acknowledge(&mut self, ctx: &mut Ctx, id: InboxId, reader: &[u8; 32], sequences: BTreeSet<u64>) -> Outcome {
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return Outcome::Refused(Refusal::Unknown) };
        let mut released = Vec::new();
        let others: Vec<[u8; 32]> = inbox.registration.readers.iter().filter(|other| *other != reader).copied().collect();
        let others: Vec<Acked> = others.iter().map(|other| inbox.acked(ctx, other)).collect();
        let mut own = inbox.acked(ctx, reader);
        let before = own.clone();
        let mut outcome = Outcome::Duplicate;
        for sequence in sequences {
            let Some(hold) = ctx.row::<Hold>(Table::Held, &held_key(&id, sequence)) else { continue };
            if others.iter().all(|other| other.has(sequence)) {
                released.push((sequence, hold));
            } else if own.has(sequence) {
                continue;
            } else if !own.insert(sequence) {
                outcome = Outcome::Refused(Refusal::Limit);
                break;
            }
            outcome = Outcome::Accepted;
        }
        for (sequence, hold) in &released {
            self.release(ctx, &id, *sequence, hold);
        }
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return outcome };
        if !others.is_empty() && outcome != Outcome::Duplicate {
            own.cut(inbox.first(ctx));
            if own != before {
                ctx.put(Table::Inbox, reader_key(&id, reader), &own);
            }
        }
        outcome
    }

    /// Takes an entry out. With the result of hand-overs goes what was kept until it was told.
    pub(super) fn release(&mut self, ctx: &mut Ctx, id: &InboxId, sequence: u64, hold: &Hold) {
        if let Some(inbox) = self.inboxes.find(ctx, id) {
            inbox.release(ctx, sequence, hold);
        }
        self.receipts.withdraw(&(hold.envelope, *id));
        if hold.part == Part::Report {
            self.on_told(ctx, id, sequence);
        }
    }

    /// Envelopes that a reader cannot open yet stay, and make room for later ones. `false` when none was in flight.
    pub(super) fn defer_mail(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &BTreeSet<EnvelopeId>) -> bool {
        let Some(session) = self.sessions.get_mut(&from) else { return false };
        let deferred: Vec<InboxId> =
            session.readings.iter_mut().filter_map(|(inbox, reading)| reading.defer(envelopes).then_some(*inbox)).collect();
        deferred.iter().for_each(|inbox| self.send_waiting(ctx, from, *inbox));
        !deferred.is_empty()
    }

    /// Sends what waits, in order, as far as the window goes; then says that it was all.
    pub(super) fn send_waiting(&mut self, ctx: &mut Ctx, to: PeerId, id: InboxId) {
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return };
        let Some(reading) = self.sessions.get_mut(&to).and_then(|session| session.readings.get_mut(&id)) else { return };
        let acked = inbox.acked(ctx, &reading.reader);
        while reading.room() > 0 {
            // An acknowledged run is jumped over, not read.
            if let Some(end) = acked.end_of(reading.next) {
                reading.next = end + 1;
                continue;
            }
            if reading.next >= inbox.tally.next {
                break;
            }
            let wanted = reading.room().min(SCAN_ROWS);
            let rows = ctx.scan(&Scan::prefix(Table::Held, id.0).after(held_key(&id, reading.next - 1)).limit(wanted));
            for (key, value) in &rows {
                let (Some(sequence), Ok(hold)) = (sequence_of(key), rows::decode::<Hold>(value)) else { continue };
                if acked.has(sequence) {
                    reading.next = sequence + 1;
                } else if !reading.fits(hold.bytes) {
                    return;
                } else if let Some(bytes) = body::load(ctx, &hold.envelope) {
                    reading.sent(sequence, hold.envelope, hold.bytes);
                    ctx.transmit(to, mail(id, sequence, &hold, bytes));
                } else {
                    tracing::error!(inbox = ?id, sequence, "an entry without its sealed bytes");
                    reading.next = sequence + 1;
                }
            }
            if rows.len() < wanted {
                reading.next = inbox.tally.next;
            }
        }
        if reading.next >= inbox.tally.next && !reading.ended {
            reading.ended = true;
            ctx.transmit(to, Frame::MailEnd(MailEnd { inbox: id }));
        }
    }

    /// A new entry goes at once to every reader that has everything before it.
    pub(super) fn push(&mut self, ctx: &mut Ctx, id: InboxId, sequence: u64, hold: &Hold, bytes: &[u8]) {
        let Some(peers) = self.readers.get(&id) else { return };
        for peer in peers {
            let Some(reading) = self.sessions.get_mut(peer).and_then(|session| session.readings.get_mut(&id)) else { continue };
            if reading.next == sequence && reading.fits(hold.bytes) {
                reading.sent(sequence, hold.envelope, hold.bytes);
                ctx.transmit(*peer, mail(id, sequence, hold, bytes.to_vec()));
            }
        }
    }

    /// This peer no longer reads this inbox.
    pub(super) fn stop_reading(&mut self, peer: &PeerId, id: &InboxId) {
        if let Some(peers) = self.readers.get_mut(id) {
            peers.remove(peer);
            if peers.is_empty() {
                self.readers.remove(id);
            }
        }
    }
}

fn mail(inbox: InboxId, sequence: u64, hold: &Hold, bytes: Vec<u8>) -> Frame {
    let report = if hold.part == Part::Report { codec::decode(&bytes).ok() } else { None };
    match report {
        Some(done) => Frame::HandoverDone(Report { inbox, sequence, done }),
        None => Frame::Mail(Mail { inbox, sequence, envelope: bytes }),
    }
}

/// Rows read at a time.
const SCAN_ROWS: usize = 64;
