//! Relays tell who they are, and remember whom they heard of.

use std::collections::BTreeMap;

use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome, Output, Refusal, Topic};
use crate::types::limits::{
    ADDRESSES_MAX, CLOCK_DRIFT_MS_MAX, FORGET_ROWS_MAX, GOSSIP_BYTES_MAX, NAME_BYTES_MAX, RELAY_ANNOUNCE_FIRST_MS, RELAY_ANNOUNCE_MS,
    RELAY_ANNOUNCE_MS_MIN, RELAY_TTL_MS, RELAYS_MAX,
};
use crate::types::{Address, Millis, PeerId, Scan, Table, View};
use crate::wire::codec;
use crate::wire::mailbox::Announcement;
use crate::wire::row as rows;

use super::Service;

/// What is known of relays, and when this one speaks next.
pub(super) struct Relays {
    addresses: Vec<Address>,
    due: Option<Millis>,
    spoke: Option<Millis>,
    known: BTreeMap<PeerId, Millis>,
}

impl Relays {
    /// As the store has it.
    pub(super) fn open(view: &dyn View) -> Self {
        let rows = view.scan(&Scan::prefix(Table::Relay, []).limit(RELAYS_MAX));
        let heard = rows.iter().filter_map(|(_, value)| rows::decode::<Announcement>(value).ok());
        Self { addresses: Vec::new(), due: None, spoke: None, known: heard.map(|heard| (heard.peer, heard.at)).collect() }
    }

    /// When to speak next.
    pub(super) fn next(&self) -> Option<Millis> {
        self.due
    }
}

impl Service {
    /// Where this node can be reached, for announcements.
    pub fn on_listening(&mut self, ctx: &mut Ctx, addresses: &[Address]) {
        let addresses: Vec<Address> = addresses.iter().take(ADDRESSES_MAX).cloned().collect();
        if self.settings.relay && self.relays.addresses != addresses {
            self.relays.addresses = addresses;
            let soonest = self.relays.spoke.map_or(0, |spoke| spoke + RELAY_ANNOUNCE_MS_MIN);
            self.relays.due = Some(soonest.max(ctx.now.mono));
        }
    }

    /// Somebody may listen: what was not said for want of a peer is said once both meshes know each other.
    pub(super) fn announce_to_first(&mut self, ctx: &Ctx) {
        if self.settings.relay && self.relays.due.is_none() {
            self.relays.due = Some(ctx.now.mono + RELAY_ANNOUNCE_FIRST_MS);
        }
    }

    /// What another relay tells of itself, on `Topic::Relays`.
    pub fn handle_gossip(&mut self, ctx: &mut Ctx, bytes: &[u8]) -> Outcome {
        if bytes.len() > GOSSIP_BYTES_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let Ok(heard) = codec::open::<Announcement>(bytes) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        let (wall, peer) = (ctx.now.wall, heard.peer);
        if heard.at > wall + CLOCK_DRIFT_MS_MAX {
            return Outcome::Refused(Refusal::Limit);
        }
        if heard.at + RELAY_TTL_MS < wall {
            return Outcome::Refused(Refusal::Expired);
        }
        match self.relays.known.get(&peer) {
            _ if peer == ctx.keys.peer_id() => return Outcome::Duplicate,
            Some(at) if heard.at <= *at => return Outcome::Duplicate,
            Some(at) if heard.at < at + RELAY_ANNOUNCE_MS_MIN => return Outcome::Refused(Refusal::Limit),
            None if self.relays.known.len() >= RELAYS_MAX => return Outcome::Refused(Refusal::Limit),
            _ => {}
        }
        if !heard.is_signed() {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        self.relays.known.insert(peer, heard.at);
        ctx.put(Table::Relay, peer.0, &heard);
        Outcome::Accepted
    }

    /// Says who this relay is, when it is time to; forgets relays that were not heard of for long.
    pub(super) fn announce(&mut self, ctx: &mut Ctx) {
        if self.relays.due.is_none_or(|due| ctx.now.mono < due) {
            return;
        }
        // With nobody there it would be said to the wind: it waits for the first peer.
        if self.sessions.is_empty() {
            self.relays.due = None;
            return;
        }
        self.relays.due = Some(ctx.now.mono + RELAY_ANNOUNCE_MS);
        self.relays.spoke = Some(ctx.now.mono);
        let announcement = Announcement {
            peer: ctx.keys.peer_id(),
            addresses: self.relays.addresses.clone(),
            name: shortened(&self.settings.name),
            limits: self.limits(),
            at: ctx.now.wall,
            signature: [0; 64],
        };
        ctx.speak(Output::Publish { topic: Topic::Relays, bytes: codec::encode(&announcement.sign(&ctx.keys.transport)) });
    }

    /// Relays that were not heard of for long.
    pub(super) fn forget_relays(&mut self, ctx: &mut Ctx) {
        let old = |at: &Millis| at + RELAY_TTL_MS < ctx.now.wall;
        let gone: Vec<PeerId> = self.relays.known.iter().filter(|(_, at)| old(at)).map(|(peer, _)| *peer).take(FORGET_ROWS_MAX).collect();
        for peer in gone {
            self.relays.known.remove(&peer);
            ctx.delete(Table::Relay, peer.0);
        }
    }
}

/// At most [`NAME_BYTES_MAX`] bytes, cut between characters.
fn shortened(name: &str) -> String {
    name.char_indices().take_while(|(at, char)| at + char.len_utf8() <= NAME_BYTES_MAX).map(|(_, char)| char).collect()
}
