//! Holding bodies for inboxes: the same tokens as for envelopes, quotas of their own, a shorter life. A body is here once, whatever number of inboxes
//! it is held for; its pieces are fetched from whoever offered it.

use super::Service;
use crate::proto::ctx::Ctx;
use crate::types::limits::{
    BLOB_TTL_MS, LODGINGS_MAX, MEDIA_SHARE_PERCENT, NEIGHBOUR_MEDIA_BYTES_MAX, RECEIPT_STEP_MS, RELAY_MEDIA_BYTES_MAX, SWEEP_ROWS_MAX,
};
use crate::types::{BlobId, InboxId, Millis, PeerId, Scan, Table};
use crate::wire::blob::{Lodging, Offer, Use, lodging_keys, use_key};
use crate::wire::mailbox::Reason;
use crate::wire::row;

impl Service {
    /// Until when the body is held for the inbox once it is here, or why it is not, and what would be.
    pub(in crate::proto) fn lodge(&mut self, ctx: &mut Ctx, from: &PeerId, offer: &Offer) -> Result<Millis, (Reason, u64)> {
        self.expiry.observe(ctx.now);
        let (blob, bytes) = (offer.listing.id(), offer.listing.sealed_bytes());
        let inbox = self.inboxes.served(ctx, &offer.inbox).ok_or((Reason::UnknownInbox, 0))?;
        let is_neighbour = inbox.registration.neighbour.is_some();
        let token = self.sessions.get(from).and_then(|session| session.token(&offer.inbox, ctx.now.wall)).ok_or((Reason::NoToken, 0))?;
        let known = ctx.row::<Lodging>(Table::Lodging, &lodging_keys(&offer.inbox, &blob, 0)[0]);
        if let Some(known) = known {
            return Ok(known.until);
        }
        let quota = if is_neighbour { NEIGHBOUR_MEDIA_BYTES_MAX } else { RELAY_MEDIA_BYTES_MAX };
        let share = quota * MEDIA_SHARE_PERCENT / 100;
        let rows = ctx.scan(&Scan::prefix(Table::Lodging, [&[1], &offer.inbox.0[..]].concat()).limit(LODGINGS_MAX));
        let lodgings: Vec<Lodging> = rows.iter().filter_map(|(_, value)| row::decode(value).ok()).collect();
        let sum = |of_token: bool| -> u64 { lodgings.iter().filter(|held| !of_token || held.token == token).map(|held| held.bytes).sum() };
        let takes = quota.saturating_sub(sum(false)).min(share.saturating_sub(sum(true)));
        if bytes > share {
            return Err((Reason::TooLarge, share));
        }
        if bytes > takes || rows.len() >= LODGINGS_MAX {
            return Err((Reason::Full, takes));
        }
        if self.disk_full {
            return Err((Reason::Disk, 0));
        }
        let until = (self.expiry.clock(ctx.now) + BLOB_TTL_MS).next_multiple_of(RECEIPT_STEP_MS);
        let [held, due] = lodging_keys(&offer.inbox, &blob, until);
        ctx.put(Table::Lodging, held, &Lodging { token, bytes, until });
        ctx.put_raw(Table::Lodging, due, []);
        ctx.put_raw(Table::Use, use_key(&blob, &Use::Inbox(offer.inbox)), []);
        Ok(until)
    }

    /// Until when a body is held for an inbox.
    pub(in crate::proto) fn lodged_until(&self, ctx: &Ctx, inbox: &InboxId, blob: &BlobId) -> Option<Millis> {
        ctx.row::<Lodging>(Table::Lodging, &lodging_keys(inbox, blob, 0)[0]).map(|held| held.until)
    }

    /// The reader of an inbox has it. Whether this is one.
    pub(in crate::proto) fn unlodge_for(&mut self, ctx: &mut Ctx, from: &PeerId, inbox: &InboxId, blob: &BlobId) -> bool {
        let is_reader = self.sessions.get(from).is_some_and(|session| session.readings.contains_key(inbox));
        let is_last = is_reader && self.inboxes.served(ctx, inbox).is_some_and(|inbox| inbox.registration.readers.len() == 1);
        if is_last {
            self.unlodge(ctx, inbox, blob);
        }
        is_reader
    }

    fn unlodge(&mut self, ctx: &mut Ctx, inbox: &InboxId, blob: &BlobId) {
        let Some(until) = self.lodged_until(ctx, inbox, blob) else { return };
        lodging_keys(inbox, blob, until).into_iter().for_each(|key| ctx.delete(Table::Lodging, key));
        ctx.delete(Table::Use, use_key(blob, &Use::Inbox(*inbox)));
    }

    /// Forgets what has expired, a bounded number at a time; the blobs that may be of no use any more.
    pub(in crate::proto) fn expire_lodgings(&mut self, ctx: &mut Ctx) -> Vec<BlobId> {
        let clock = self.expiry.clock(ctx.now);
        let mut blobs = Vec::new();
        for (key, _) in ctx.scan(&Scan::prefix(Table::Lodging, [2]).limit(SWEEP_ROWS_MAX)) {
            let parts = key.get(1..).and_then(|rest| rest.split_first_chunk::<8>()).and_then(|(until, rest)| {
                let (inbox, blob) = rest.split_first_chunk::<32>()?;
                Some((u64::from_be_bytes(*until), InboxId(*inbox), BlobId::from_slice(blob)?))
            });
            let Some((until, inbox, blob)) = parts else {
                ctx.delete(Table::Lodging, key);
                continue;
            };
            if until > clock {
                break;
            }
            self.unlodge(ctx, &inbox, &blob);
            blobs.push(blob);
        }
        blobs
    }
}
