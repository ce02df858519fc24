//! Fetching a blob from whoever has it: what is asked of whom, and what follows from the answers. No bytes of a body come by here: the driver
//! checks and writes each piece, and says which are durable.

use std::collections::{BTreeMap, BTreeSet};

use super::seam::Fetched;
use crate::types::limits::{ASK_PIECES_MAX, ASK_QUEUE_MS, ASK_STALL_MS, ASKS_MAX, FETCHES_MAX, HOLDER_PAUSE_MS, HOLDERS_MAX};
use crate::types::time::MINUTE;
use crate::types::{BlobId, Millis, PeerId};
use crate::wire::blob::{Bits, Listing};

/// All blobs that are being fetched.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    fetches: BTreeMap<BlobId, Fetch>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) listing: Listing,
    pub(super) have: Bits,
    holders: BTreeMap<PeerId, Holder>,
    /// Asked of somebody who has not answered.
    asked: BTreeSet<u32>,
    /// No piece below is missing.
    first: u32,
}

/// Who may have it.
#[derive(Debug)]
struct Holder {
    asks: Vec<Given>,
    /// Pieces in the next ask.
    window: usize,
    /// The shortest time that a first piece was waited for: what is longer is a queue on the line, or behind it.
    wait_ms_min: Millis,
    paused_until: Millis,
    /// Pauses in a row.
    failures: u32,
    /// One piece fills the line to it.
    is_slow: bool,
    /// It gave what is not of this blob.
    is_false: bool,
}

/// An ask under way.
#[derive(Debug)]
struct Given {
    pieces: Vec<u32>,
    at: Millis,
    /// It took too long; the pieces may be asked of others.
    is_stalled: bool,
}

/// What an answer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing came.
    None,
    /// Pieces came.
    Some,
    /// It is whole.
    Whole,
}

impl Fetch {
    fn new(listing: Listing, have: Bits) -> Self {
        Self { listing, have, holders: BTreeMap::new(), asked: BTreeSet::new(), first: 0 }
    }

    /// Whether every piece is here.
    pub(super) fn is_whole(&self) -> bool {
        self.have.count() >= self.listing.pieces()
    }

    /// The next pieces to ask for: pages before chunks, for without its page no chunk can be checked.
    fn next(&mut self, count: usize) -> Vec<u32> {
        let (chunks, pieces) = (self.listing.chunks(), self.listing.pieces());
        while self.first < chunks && self.have.has(self.first) {
            self.first += 1;
        }
        let is_open = |piece: &u32| !self.have.has(*piece) && !self.asked.contains(piece);
        let pages: Vec<u32> = (chunks..pieces).filter(is_open).take(count).collect();
        if !pages.is_empty() {
            return pages;
        }
        let has_page = |chunk: &u32| self.listing.page_of(*chunk).is_none_or(|(page, _)| self.have.has(page));
        (self.first..chunks).filter(|chunk| is_open(chunk) && has_page(chunk)).take(count).collect()
    }

    /// Asks that took too long count as failed.
    fn expire(&mut self, now: Millis) {
        for holder in self.holders.values_mut() {
            for given in holder.asks.iter_mut().filter(|given| !given.is_stalled && now >= given.at + ASK_STALL_MS) {
                given.is_stalled = true;
                given.pieces.iter().for_each(|piece| _ = self.asked.remove(piece));
                holder.window = 1;
            }
        }
    }

    fn fill(&mut self, blob: BlobId, is_up: &dyn Fn(&PeerId) -> bool, now: Millis, asks: &mut Vec<(PeerId, BlobId, Vec<u32>)>) {
        self.expire(now);
        let peers: Vec<PeerId> = self.holders.keys().copied().collect();
        // In turns, so that each holder gets some.
        for _ in 0..ASKS_MAX {
            for peer in &peers {
                let Some(holder) = self.holders.get(peer) else { continue };
                let is_ready = !holder.is_false && holder.asks.len() < holder.asks_max() && now >= holder.paused_until;
                if !is_ready || holder.asks.iter().any(|given| given.is_stalled) || !is_up(peer) {
                    continue;
                }
                let pieces = self.next(holder.window);
                if pieces.is_empty() {
                    return;
                }
                self.asked.extend(&pieces);
                if let Some(holder) = self.holders.get_mut(peer) {
                    holder.asks.push(Given { pieces: pieces.clone(), at: now, is_stalled: false });
                }
                asks.push((*peer, blob, pieces));
            }
        }
    }

    /// When something is to be looked at again.
    fn next_at(&self, now: Millis) -> Option<Millis> {
        let stalls = self.holders.values().flat_map(|holder| &holder.asks).filter(|given| !given.is_stalled);
        let pauses = self.holders.values().filter(|holder| !holder.is_false && holder.paused_until > now).map(|holder| holder.paused_until);
        stalls.map(|given| given.at + ASK_STALL_MS).chain(pauses).min()
    }
}

impl Holder {
    /// Asks grow while nothing queues, and shrink while texts would wait behind them.
    fn on_waited(&mut self, waited_ms: Millis) {
        self.wait_ms_min = self.wait_ms_min.min(waited_ms);
        let queued = waited_ms - self.wait_ms_min;
        self.window = match queued {
            _ if queued <= ASK_QUEUE_MS => self.window * 2,
            _ if queued > 2 * ASK_QUEUE_MS => self.window / 2,
            _ => self.window,
        };
        self.window = self.window.clamp(1, ASK_PIECES_MAX);
        self.is_slow = self.window == 1 && queued > ASK_QUEUE_MS;
    }

    /// Asks that it may have at a time: on a line that one piece fills, one.
    fn asks_max(&self) -> usize {
        if self.is_slow { 1 } else { ASKS_MAX }
    }

    fn pause(&mut self, now: Millis) {
        self.failures = self.failures.saturating_add(1);
        self.paused_until = now + (HOLDER_PAUSE_MS << self.failures.min(5).saturating_sub(1)).min(MINUTE);
    }
}

impl Transfers {
    /// Begins, or goes on from what is here.
    pub(super) fn begin(&mut self, listing: &Listing, have: Bits) {
        self.fetches.entry(listing.id()).or_insert_with(|| Fetch::new(listing.clone(), have));
    }

    pub(super) fn get(&self, blob: &BlobId) -> Option<&Fetch> {
        self.fetches.get(blob)
    }

    /// Whether it is one of those that may have what is being fetched.
    pub(super) fn is_holder(&self, peer: &PeerId) -> bool {
        self.fetches.values().any(|fetch| fetch.holders.contains_key(peer))
    }

    /// One more that may have it; at once asked again if it was left alone.
    pub(super) fn add_holder(&mut self, blob: &BlobId, peer: PeerId) {
        let Some(fetch) = self.fetches.get_mut(blob) else { return };
        if fetch.holders.len() < HOLDERS_MAX || fetch.holders.contains_key(&peer) {
            let new = Holder {
                asks: Vec::new(),
                window: 1,
                wait_ms_min: Millis::MAX,
                paused_until: 0,
                failures: 0,
                is_slow: false,
                is_false: false,
            };
            let holder = fetch.holders.entry(peer).or_insert(new);
            (holder.paused_until, holder.failures) = (0, 0);
        }
    }

    /// What was asked of a peer that is gone is asked of others.
    pub(super) fn on_down(&mut self, peer: &PeerId) {
        for fetch in self.fetches.values_mut() {
            let Some(holder) = fetch.holders.get_mut(peer) else { continue };
            let asks = std::mem::take(&mut holder.asks);
            asks.iter().flat_map(|given| &given.pieces).for_each(|piece| _ = fetch.asked.remove(piece));
        }
    }

    /// Holders that are not connected.
    pub(super) fn absent(&self, is_up: &dyn Fn(&PeerId) -> bool) -> BTreeSet<PeerId> {
        self.fetches.values().flat_map(|fetch| fetch.holders.keys()).filter(|peer| !is_up(peer)).copied().collect()
    }

    /// A holder is there again: it is asked at once.
    pub(super) fn wake(&mut self, peer: &PeerId) {
        for holder in self.fetches.values_mut().filter_map(|fetch| fetch.holders.get_mut(peer)) {
            (holder.paused_until, holder.failures, holder.window) = (0, 0, 1);
        }
    }

    /// It is over.
    pub(super) fn end(&mut self, blob: &BlobId) -> Option<Fetch> {
        self.fetches.remove(blob)
    }

    /// The answer to an ask: these pieces are durable, the rest did not come.
    pub(super) fn on_fetched(&mut self, fetched: &Fetched, now: Millis) -> Progress {
        let Fetched { from, blob, asked, got, is_false, waited_ms } = fetched;
        let Some(fetch) = self.fetches.get_mut(blob) else { return Progress::None };
        let pieces = fetch.listing.pieces();
        let fresh: Vec<u32> = got.iter().copied().filter(|piece| *piece < pieces && !fetch.have.has(*piece)).collect();
        fresh.iter().for_each(|piece| fetch.have.set(*piece));
        asked.iter().for_each(|piece| _ = fetch.asked.remove(piece));
        // Asks that others have for the same pieces stand.
        for (peer, holder) in &mut fetch.holders {
            if peer != from {
                holder.asks.iter().filter(|given| !given.is_stalled).for_each(|given| fetch.asked.extend(&given.pieces));
                continue;
            }
            let Some(at) = holder.asks.iter().position(|given| given.pieces == *asked) else { continue };
            holder.asks.remove(at);
            holder.is_false |= *is_false;
            holder.asks.iter().filter(|given| !given.is_stalled).for_each(|given| fetch.asked.extend(&given.pieces));
            if got.len() < asked.len() {
                holder.pause(now);
            } else {
                (holder.failures, holder.paused_until) = (0, 0);
                holder.on_waited(*waited_ms);
            }
        }
        match (fetch.is_whole(), fresh.is_empty()) {
            (true, _) => Progress::Whole,
            (false, true) => Progress::None,
            (false, false) => Progress::Some,
        }
    }

    /// What is to be asked now: of all blobs in turn, the smallest rest first, `FETCHES_MAX` at a time.
    pub(super) fn fill(&mut self, is_up: &dyn Fn(&PeerId) -> bool, now: Millis) -> Vec<(PeerId, BlobId, Vec<u32>)> {
        let mut order: Vec<(bool, u32, BlobId)> = self.fetches.iter().map(|(blob, fetch)| fetch.rank(*blob)).collect();
        order.sort_unstable();
        let (mut asks, mut active) = (Vec::new(), 0);
        for (_, _, blob) in order {
            let Some(fetch) = self.fetches.get_mut(&blob) else { continue };
            if active == FETCHES_MAX {
                break;
            }
            fetch.fill(blob, is_up, now, &mut asks);
            active += usize::from(!fetch.asked.is_empty());
        }
        asks
    }

    /// When [`fill`](Self::fill) may have something to do without an answer.
    pub(super) fn next_at(&self, now: Millis) -> Option<Millis> {
        self.fetches.values().filter_map(|fetch| fetch.next_at(now)).map(|at| at.max(now + 1)).min()
    }
}

impl Fetch {
    /// Those under way first, then those that lack little.
    fn rank(&self, blob: BlobId) -> (bool, u32, BlobId) {
        (self.asked.is_empty(), self.listing.pieces().saturating_sub(self.have.count()), blob)
    }
}
