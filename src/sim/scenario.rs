//! What happens in a world, as data: it is made from a seed, written to a file, read again, and shortened.

use serde::{Deserialize, Serialize};

use super::bodies::Trick;
use super::liar::Lie;
use super::link::Weather;
use crate::types::Millis;

/// A world and what befalls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// Whether cryptography is real: slow, and the same story.
    #[serde(default)]
    pub real: bool,
    /// How many people.
    pub people: u8,
    /// How many relays; their numbers follow those of the people.
    pub relays: u8,
    /// Bytes that a relay holds for one inbox.
    pub inbox_bytes: u64,
    /// How bad things are between the blows.
    pub weather: Weather,
    /// What happens, in order.
    #[serde(skip)]
    pub blows: Vec<Blow>,
}

/// One thing that happens. Machines go by their number; what makes no sense at its time (a machine that does not run is told
/// to write) is passed over, so that any list of blows is a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blow {
    /// Time passes.
    Wait(Millis),
    /// One person uses another's link.
    Meet {
        /// Whose link.
        host: u8,
        /// Who uses it.
        guest: u8,
        /// Whether it is public, so that the guest comes as a stranger.
        public: bool,
    },
    /// Some texts to a contact.
    Say {
        /// Who writes.
        from: u8,
        /// To whom.
        to: u8,
        /// How many.
        count: u16,
    },
    /// Some texts to the group.
    Tell {
        /// Who writes.
        from: u8,
        /// How many.
        count: u16,
    },
    /// A reaction, an edit or a recall of something in a room.
    Mark {
        /// Who does it.
        from: u8,
        /// In the room with whom; with oneself for the group.
        to: u8,
        /// What, and of which message.
        choice: u16,
    },
    /// Somebody reads what is in a room.
    Look {
        /// Who.
        from: u8,
        /// The room with whom; with oneself for the group.
        to: u8,
    },
    /// Power loss.
    Kill(u8),
    /// It runs again.
    Start(u8),
    /// All connections of a machine break.
    Drop(u8),
    /// Neither reaches the other.
    Cut(u8, u8),
    /// The one cannot dial the other.
    CutOneWay(u8, u8),
    /// Nothing from the one arrives at the other for a while; it waits.
    Clog(u8, u8, Millis),
    /// Everybody reaches everybody.
    Heal,
    /// Nobody can dial this machine any more, or they can again.
    Hide(u8, bool),
    /// A clock is set to so much ahead of the world's.
    Clock(u8, i64),
    /// A flush takes so long from now on.
    Disk(u8, Millis),
    /// A disk is full, or has room again.
    Full(u8, bool),
    /// A person calls themselves otherwise.
    Rename(u8),
    /// A person blocks another, or takes it back.
    Block(u8, u8, bool),
    /// The first makes a group of everybody they know.
    Group(u8),
    /// An admin adds somebody.
    Add(u8, u8),
    /// An admin removes somebody.
    Remove(u8, u8),
    /// Fresh keys in the group.
    Update(u8),
    /// A person joins a relay.
    Join(u8, u8),
    /// A person leaves a mailbox.
    Leave(u8, u8),
    /// A person asks a contact's node to hold their mail.
    Ask(u8, u8),
    /// A mailbox is gone for good.
    Burn(u8),
    /// A mailbox begins to lie, or stops.
    Lie(u8, Option<Lie>),
    /// The rows are copied away.
    Backup(u8),
    /// The machine is lost; a new one begins with the last copy.
    Restore(u8),
    /// Somebody uses a link that another used before.
    Again {
        /// Whose link.
        host: u8,
        /// Who uses it, too.
        guest: u8,
    },
    /// A stranger deposits for a person without the right to.
    Smuggle(u8),
    /// A stranger tells a person that all they owe arrived.
    Forge(u8),
    /// Frames that were overheard, some of them damaged, from the one to the other.
    Junk(u8, u8, u16),
    /// A file to a contact; to oneself: to the group.
    File {
        /// Who sends it.
        from: u8,
        /// To whom.
        to: u8,
        /// Its chunks.
        chunks: u32,
    },
    /// Somebody wants the body of one of the messages in the room with another; with oneself: in the group.
    Fetch(u8, u8, u16),
    /// Somebody has the body of one of these messages forgotten on their machine.
    Forget(u8, u8, u16),
    /// Somebody sends on what they have from the group, or from the room with another, to that room.
    Forward(u8, u8, u16),
    /// A machine is bad to those who fetch bodies from it, or stops.
    Trick(u8, Option<Trick>),
}

impl Scenario {
    /// Whether all that is sent arrives or breaks its line, and everybody answers what they are sent.
    pub(super) fn is_plain(&self) -> bool {
        let is_silent = |blow: &Blow| {
            matches!(
                blow,
                Blow::Clog(..)
                    | Blow::Again { .. }
                    | Blow::Block(..)
                    | Blow::Burn(_)
                    | Blow::Full(..)
                    | Blow::Leave(..)
                    | Blow::Lie(..)
                    | Blow::Restore(_)
                    | Blow::Junk(..)
            )
        };
        self.weather.vanish == 0 && !self.blows.iter().any(is_silent)
    }
}
