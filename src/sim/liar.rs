//! Mailboxes that do not keep their word. Their node is the honest one; what lies is the machine around it.

use serde::{Deserialize, Serialize};

use super::Who;
use super::world::World;
use crate::types::Table;
use crate::wire::frame::Frame;

/// How a mailbox lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lie {
    /// It gives receipts and forgets what it holds.
    Forget,
    /// It gives receipts and serves nothing.
    Withhold,
    /// It serves everything twice.
    Twice,
    /// It serves bytes that nobody sent.
    Garble,
}

impl World {
    /// What a liar's machine sends in place of a frame.
    pub(super) fn twist(&mut self, who: Who, frame: Frame) -> Vec<Frame> {
        let Some(lie) = self.machines[who].state.lie else { return vec![frame] };
        match (lie, frame) {
            (Lie::Withhold, Frame::Mail(_)) => Vec::new(),
            (Lie::Twice, frame @ Frame::Mail(_)) => vec![frame.clone(), frame],
            (Lie::Garble, Frame::Mail(mut mail)) => {
                let at = self.chance(mail.envelope.len() as u64) as usize;
                mail.envelope[at] ^= 1 << self.chance(8);
                vec![Frame::Mail(mail)]
            }
            (_, frame) => vec![frame],
        }
    }

    /// What a forgetful mailbox does when nobody looks: it starts anew without what it held.
    pub(super) fn forget(&mut self, who: Who) {
        let was_up = self.machines[who].is_up();
        self.kill(who);
        self.machines[who].disk.wipe(&[
            Table::Held,
            Table::Body,
            Table::Inbox,
            Table::Expiry,
            Table::Handover,
            Table::Lodging,
            Table::Blob,
            Table::Use,
        ]);
        if was_up {
            self.start(who);
        }
    }
}
