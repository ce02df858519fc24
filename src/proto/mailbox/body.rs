//! Sealed bytes, stored once for all inboxes that hold them.

use crate::proto::ctx::Ctx;
use crate::types::{EnvelopeId, InboxId, Table};

use super::row::{Hold, count_key, held_key, holder_key};

/// The id of sealed bytes.
pub(super) fn id_of(bytes: &[u8]) -> EnvelopeId {
    EnvelopeId(*blake3::hash(bytes).as_bytes())
}

/// Sealed bytes that some inboxes hold, or will hold.
pub(super) struct Body<'a> {
    /// Their id.
    pub(super) id: EnvelopeId,
    /// The bytes.
    pub(super) bytes: &'a [u8],
    /// The inbox that was the first to hold them, if they are stored.
    first: Option<(InboxId, u64)>,
}

impl<'a> Body<'a> {
    /// Bytes that may or may not be stored.
    pub(super) fn new(ctx: &Ctx, bytes: &'a [u8]) -> Self {
        let id = id_of(bytes);
        let first = ctx.get(Table::Body, &id.0).and_then(|stored| split(&stored).map(|(inbox, sequence, _)| (inbox, sequence)));
        Self { id, bytes, first }
    }

    /// The entry with which an inbox holds them already.
    pub(super) fn held_by(&self, ctx: &Ctx, inbox: &InboxId) -> Option<Hold> {
        let (first, sequence) = self.first?;
        let in_first = if first == *inbox { self.entry(ctx, inbox, sequence) } else { None };
        in_first.or_else(|| {
            let sequence: u64 = ctx.row(Table::Body, &holder_key(&self.id, inbox))?;
            self.entry(ctx, inbox, sequence)
        })
    }

    fn entry(&self, ctx: &Ctx, inbox: &InboxId, sequence: u64) -> Option<Hold> {
        ctx.row(Table::Held, &held_key(inbox, sequence)).filter(|hold: &Hold| hold.envelope == self.id)
    }

    /// One more inbox holds them.
    pub(super) fn add(&mut self, ctx: &mut Ctx, inbox: &InboxId, sequence: u64) {
        if self.first.is_none() {
            self.first = Some((*inbox, sequence));
            ctx.put_raw(Table::Body, self.id.0, [&inbox.0[..], &sequence.to_be_bytes(), self.bytes].concat());
            return;
        }
        let count: u64 = ctx.row(Table::Body, &count_key(&self.id)).unwrap_or(1);
        ctx.put(Table::Body, count_key(&self.id), &(count + 1));
        ctx.put(Table::Body, holder_key(&self.id, inbox), &sequence);
    }
}

/// An inbox no longer holds these bytes; they go with the last one.
pub(super) fn release(ctx: &mut Ctx, envelope: &EnvelopeId, inbox: &InboxId) {
    let Some(count) = ctx.row::<u64>(Table::Body, &count_key(envelope)) else {
        ctx.delete(Table::Body, envelope.0);
        return;
    };
    ctx.delete(Table::Body, holder_key(envelope, inbox));
    if count > 1 {
        ctx.put(Table::Body, count_key(envelope), &(count - 1));
    } else {
        ctx.delete(Table::Body, count_key(envelope));
        ctx.delete(Table::Body, envelope.0);
    }
}

/// The sealed bytes in a row of `Table::Body`.
pub fn sealed(stored: &[u8]) -> Option<&[u8]> {
    stored.get(HEADER..)
}

/// Stored bytes.
pub(super) fn load(ctx: &Ctx, envelope: &EnvelopeId) -> Option<Vec<u8>> {
    let mut stored = ctx.get(Table::Body, &envelope.0)?;
    split(&stored)?;
    stored.drain(..HEADER);
    Some(stored)
}

fn split(stored: &[u8]) -> Option<(InboxId, u64, &[u8])> {
    let (inbox, rest) = stored.split_first_chunk::<32>()?;
    let (sequence, bytes) = rest.split_first_chunk::<8>()?;
    Some((InboxId(*inbox), u64::from_be_bytes(*sequence), bytes))
}

const HEADER: usize = 40;
