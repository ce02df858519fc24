//! The room's one order: clocks of messages, and where a message stands whose sender's clock was wrong.
//!
//! Everybody places a message by what its sender sealed, so that all come to the same order. A device whose clock was ahead says
//! so with the first message after it was set back: what it numbered before and stamped later then stands right before that one.

use super::ctx::Ctx;
use super::node::State;
use super::seam::Event;
use crate::types::limits::{BACK_NUMBERS_MAX, BACKS_MAX, CLOCK_DRIFT_MS_MAX};
use crate::types::{Millis, Scan, Table};
use crate::wire::content::{Clock, Content};
use crate::wire::row::{self, Heads, Numbered, Series};

/// The next moment of a room's clock, and whether this machine's clock was set back since the last one: others can have pulled the
/// room's ahead of it, but not this far.
pub(super) fn tick(clock: Clock, wall: Millis) -> (Clock, bool) {
    if clock.ms > wall.saturating_add(2 * CLOCK_DRIFT_MS_MAX) {
        (Clock { ms: wall, count: 0 }, true)
    } else if wall > clock.ms {
        (Clock { ms: wall, count: 0 }, false)
    } else {
        (Clock { ms: clock.ms, count: clock.count.saturating_add(1) }, false)
    }
}

/// Where a number with this stamp stands: by its stamp, or right before the earliest of those at which the clock was set back to
/// before it.
fn place(backs: &[(u64, Clock)], number: u64, stamp: Clock) -> Clock {
    let overrules = |(at, clock): &&(u64, Clock)| number < *at && *at - number <= BACK_NUMBERS_MAX && *clock < stamp;
    match backs.iter().filter(overrules).map(|(_, clock)| clock.ms).min() {
        Some(ms) => Clock { ms: ms.saturating_sub(1), count: u32::try_from(number).unwrap_or(u32::MAX) },
        None => stamp,
    }
}

impl State {
    /// Where a content stands in the order.
    pub(super) fn place_of(&self, ctx: &Ctx, series: &Series, content: &Content) -> Clock {
        let heads: Heads = ctx.row(Table::Heads, &series.key()).unwrap_or_default();
        place(&heads.backs, content.number, content.clock)
    }

    /// A device's clock was set back before this content: puts what it had stamped later in its place.
    pub(super) fn note_back(&self, ctx: &mut Ctx, series: &Series, content: &Content) {
        let mut heads: Heads = ctx.row(Table::Heads, &series.key()).unwrap_or_default();
        if heads.backs.len() >= BACKS_MAX || heads.backs.iter().any(|(number, _)| *number == content.number) {
            return;
        }
        heads.backs.push((content.number, content.clock));
        heads.high = heads.high.max(content.number);
        ctx.put(Table::Heads, series.key(), &heads);
        let first = content.number.saturating_sub(BACK_NUMBERS_MAX);
        let limit = usize::try_from(BACK_NUMBERS_MAX).unwrap_or(usize::MAX);
        let scan = Scan::prefix(Table::Numbered, series.key()).after(series.numbered(first.saturating_sub(1))).limit(limit + 1);
        for (key, value) in ctx.scan(&scan) {
            let number = key.last_chunk().copied().map_or(u64::MAX, u64::from_be_bytes);
            if let (true, Ok(numbered)) = (number < content.number, row::decode::<Numbered>(&value)) {
                move_to_place(ctx, &heads, key, number, numbered);
            }
        }
        ctx.emit(Event::Room(series.room));
    }
}

fn move_to_place(ctx: &mut Ctx, heads: &Heads, key: Vec<u8>, number: u64, numbered: Numbered) {
    let Some(index) = ctx.row::<row::Index>(Table::Index, &numbered.message.0) else { return };
    let stamp = numbered.stamp.unwrap_or(index.place.clock);
    let clock = place(&heads.backs, number, stamp);
    if clock == index.place.clock {
        return;
    }
    let (from, to) = (index.place, row::Place { clock, ..index.place });
    match index.target {
        Some(target) => {
            let key = row::mark_key(&target, &from);
            let Some(mark) = ctx.row::<row::Mark>(Table::Mark, &key) else { return };
            ctx.delete(Table::Mark, key);
            ctx.put(Table::Mark, row::mark_key(&target, &to), &row::Mark { clock, ..mark });
        }
        None => {
            let Some(message) = ctx.get(Table::Message, &from.key()) else { return };
            ctx.delete(Table::Message, from.key());
            ctx.put_raw(Table::Message, to.key(), message);
            let later = |place: &row::Place| [row::META_LATER, &place.key()].concat();
            if ctx.get(Table::Meta, &later(&from)).is_some() {
                ctx.delete(Table::Meta, later(&from));
                ctx.put_raw(Table::Meta, later(&to), []);
            }
        }
    }
    ctx.put(Table::Index, numbered.message.0, &row::Index { place: to, ..index });
    ctx.put(Table::Numbered, key, &Numbered { stamp: Some(stamp), ..numbered });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::DAY;

    #[test]
    fn a_clock_that_was_set_back_puts_what_it_stamped_later_before_it_whatever_came_first() {
        let at = |ms| Clock { ms, count: 0 };
        let sent = [(1, at(10)), (2, at(900)), (3, at(901)), (4, at(30)), (5, at(950)), (6, at(40))];
        let orders = [vec![(4, at(30)), (6, at(40))], vec![(6, at(40)), (4, at(30))]];
        for backs in orders {
            let mut placed: Vec<(Clock, u64)> = sent.iter().map(|(number, stamp)| (place(&backs, *number, *stamp), *number)).collect();
            placed.sort_unstable();
            assert_eq!(placed.into_iter().map(|(_, number)| number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        }
        assert_eq!(place(&[(600, at(5))], 1, at(900)), at(900), "what is long ago stays");
    }

    #[test]
    fn a_room_goes_on_from_this_machines_clock_once_that_was_set_back() {
        let clock = Clock { ms: 400 * DAY, count: 3 };
        assert_eq!(tick(clock, 400 * DAY - CLOCK_DRIFT_MS_MAX), (Clock { ms: 400 * DAY, count: 4 }, false));
        assert_eq!(tick(clock, 30 * DAY), (Clock { ms: 30 * DAY, count: 0 }, true));
    }
}
