//! Relays tell who they are, and remember whom they heard of.

use std::collections::BTreeMap;

use crate::crypto::keys::Keys;
use crate::crypto::label::{Label, derive};
use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome, Output, Refusal, Topic};
use crate::types::limits::{
    ADDRESSES_MAX, CLOCK_DRIFT_MS_MAX, FORGET_ROWS_MAX, GOSSIP_BYTES_MAX, NAME_BYTES_MAX, RELAY_ANNOUNCE_FIRST_MS, RELAY_ANNOUNCE_MS,
    RELAY_ANNOUNCE_MS_MIN, RELAY_PAUSE_MS_MAX, RELAY_SHARE_MS, RELAYS_HEARD_MAX, RELAYS_MAX,
};
use crate::types::time::{DAY, HOUR};
use crate::types::{Address, Millis, Now, PeerId, Scan, Table, View};
use crate::wire::codec;
use crate::wire::mailbox::Announcement;
use crate::wire::row as rows;

use super::Service;

/// What is known of relays, and when this one speaks next.
pub(super) struct Relays {
    addresses: Vec<Address>,
    due: Option<Millis>,
    spoke: Option<Millis>,
    /// What this one said last, here or before a restart.
    said: Option<Announcement>,
    known: BTreeMap<PeerId, Known>,
    census: Census,
}

/// A relay that is remembered.
struct Known {
    at: Millis,
    until: Millis,
    rank: [u8; 32],
}

impl Known {
    fn of(keys: &Keys, heard: &Announcement) -> Self {
        // Who is remembered is chance, by a secret of this node: inventing relays wins no more places than there are of them.
        let rank = derive(Label::RelayRank, &[&keys.transport.seed()[..], &heard.peer.0]);
        Self { at: heard.at, until: heard.until(), rank }
    }
}

impl Announcement {
    /// Until when it counts: three of its pauses.
    fn until(&self) -> Millis {
        self.at.saturating_add(3 * self.pause)
    }
}

/// How many relays there are, by what was heard of them in the last day: each announcement stands for as many as would be heard once
/// in a day if they paused as long (Horvitz and Thompson's estimate). By it all relays together speak at one rate, however many there
/// are, as members of a session do in RFC 3550 section 6.2.
#[derive(Default)]
struct Census {
    /// Pauses of announcements, summed by the hour, and how many there were.
    hours: [(u64, u32); 24],
    /// The hour that was last written to.
    hour: u64,
}

impl Census {
    /// Forgets what is older than a day.
    fn turn(&mut self, now: Now) {
        let hour = now.mono / HOUR;
        for past in (self.hour + 1..=hour).take(24) {
            self.hours[(past % 24) as usize] = (0, 0);
        }
        self.hour = hour;
    }

    /// Whether there is room for one more in this hour.
    fn takes(&mut self, now: Now) -> bool {
        self.turn(now);
        self.hours[(self.hour % 24) as usize].1 < RELAYS_HEARD_MAX
    }

    fn count(&mut self, pause: Millis) {
        let (sum, count) = &mut self.hours[(self.hour % 24) as usize];
        *sum = sum.saturating_add(pause);
        *count += 1;
    }

    fn relays(&mut self, now: Now) -> u64 {
        self.turn(now);
        self.hours.iter().fold(0_u64, |sum, (pauses, _)| sum.saturating_add(*pauses)) / DAY
    }
}

impl Relays {
    /// As the store has it.
    pub(super) fn open(view: &dyn View, keys: &Keys) -> Self {
        let rows = view.scan(&Scan::prefix(Table::Relay, []).limit(RELAYS_MAX + 1));
        let heard: Vec<Announcement> = rows.iter().filter_map(|(_, value)| rows::decode(value).ok()).collect();
        let (said, others): (Vec<_>, Vec<_>) = heard.into_iter().partition(|heard| heard.peer == keys.peer_id());
        let known = others.iter().map(|heard| (heard.peer, Known::of(keys, heard))).collect();
        Self { addresses: Vec::new(), due: None, spoke: None, said: said.into_iter().next(), known, census: Census::default() }
    }

    /// When to speak next.
    pub(super) fn next(&self) -> Option<Millis> {
        self.due
    }

    /// Who makes way for one more, if anybody; `None` when that one is not remembered.
    fn place(&self, peer: &PeerId, rank: &[u8; 32]) -> Option<Option<PeerId>> {
        if self.known.len() < RELAYS_MAX || self.known.contains_key(peer) {
            return Some(None);
        }
        let (last, known) = self.known.iter().max_by_key(|(_, known)| known.rank)?;
        (known.rank > *rank).then_some(Some(*last))
    }
}

impl Service {
    /// Where this node can be reached, for announcements.
    pub fn on_listening(&mut self, ctx: &mut Ctx, addresses: &[Address]) {
        let addresses: Vec<Address> = addresses.iter().take(ADDRESSES_MAX).cloned().collect();
        if self.settings.relay && self.relays.addresses != addresses {
            self.relays.addresses = addresses;
            let soonest = self.relays.spoke.map_or(0, |spoke| spoke + RELAY_ANNOUNCE_MS_MIN);
            self.relays.due = Some(soonest.max(self.again(ctx)));
        }
    }

    /// When what was said last is to be said again, if it is still so; otherwise at once.
    fn again(&self, ctx: &Ctx) -> Millis {
        let is_so = |said: &&Announcement| said.addresses == self.relays.addresses && said.name == shortened(&self.settings.name);
        let said = self.relays.said.as_ref().filter(is_so).filter(|said| said.limits == self.limits() && said.at <= ctx.now.wall);
        ctx.now.mono + said.map_or(0, |said| said.at.saturating_add(said.pause).saturating_sub(ctx.now.wall))
    }

    /// Somebody may listen: what was not said for want of a peer is said once both meshes know each other.
    pub(super) fn announce_to_first(&mut self, ctx: &Ctx) {
        if self.settings.relay && self.relays.due.is_none() {
            self.relays.due = Some((ctx.now.mono + RELAY_ANNOUNCE_FIRST_MS).max(self.again(ctx)));
        }
    }

    /// What another relay tells of itself, on `Topic::Relays`. `Accepted` is passed on, remembered or not.
    pub fn handle_gossip(&mut self, ctx: &mut Ctx, bytes: &[u8]) -> Outcome {
        if bytes.len() > GOSSIP_BYTES_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let Ok(heard) = codec::open::<Announcement>(bytes) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        let (wall, peer) = (ctx.now.wall, heard.peer);
        if heard.at > wall + CLOCK_DRIFT_MS_MAX {
            return Outcome::Refused(Refusal::Limit);
        }
        if heard.until() < wall {
            return Outcome::Refused(Refusal::Expired);
        }
        match self.relays.known.get(&peer) {
            _ if peer == ctx.keys.peer_id() => return Outcome::Duplicate,
            Some(known) if heard.at <= known.at => return Outcome::Duplicate,
            Some(known) if heard.at < known.at + RELAY_ANNOUNCE_MS_MIN => return Outcome::Refused(Refusal::Limit),
            _ if !self.relays.census.takes(ctx.now) => return Outcome::Refused(Refusal::Limit),
            _ => {}
        }
        if !heard.is_signed() {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        self.relays.census.count(heard.pause);
        let known = Known::of(ctx.keys, &heard);
        if let Some(place) = self.relays.place(&peer, &known.rank) {
            if let Some(last) = place {
                self.relays.known.remove(&last);
                ctx.delete(Table::Relay, last.0);
            }
            self.relays.known.insert(peer, known);
            ctx.put(Table::Relay, peer.0, &heard);
        }
        Outcome::Accepted
    }

    /// Says who this relay is, when it is time to: the more relays there are, the less often.
    pub(super) fn announce(&mut self, ctx: &mut Ctx) {
        if self.relays.due.is_none_or(|due| ctx.now.mono < due) {
            return;
        }
        // With nobody there it would be said to the wind: it waits for the first peer.
        if self.sessions.is_empty() {
            self.relays.due = None;
            return;
        }
        let fair = self.relays.census.relays(ctx.now).saturating_mul(RELAY_SHARE_MS);
        let pause = fair.clamp(RELAY_ANNOUNCE_MS, RELAY_PAUSE_MS_MAX);
        self.relays.due = Some(ctx.now.mono + pause);
        self.relays.spoke = Some(ctx.now.mono);
        let announcement = Announcement {
            peer: ctx.keys.peer_id(),
            addresses: self.relays.addresses.clone(),
            name: shortened(&self.settings.name),
            limits: self.limits(),
            at: ctx.now.wall,
            pause,
            signature: [0; 64],
        }
        .sign(&ctx.keys.transport);
        ctx.put(Table::Relay, announcement.peer.0, &announcement);
        ctx.speak(Output::Publish { topic: Topic::Relays, bytes: codec::encode(&announcement) });
        self.relays.said = Some(announcement);
    }

    /// Relays that were not heard of for long.
    pub(super) fn forget_relays(&mut self, ctx: &mut Ctx) {
        let is_old = |known: &Known| known.until < ctx.now.wall;
        let gone: Vec<PeerId> =
            self.relays.known.iter().filter(|(_, known)| is_old(known)).map(|(peer, _)| *peer).take(FORGET_ROWS_MAX).collect();
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
