//! From a seed to a scenario: people as people are, in weather as it is.

use super::bodies::Trick;
use super::liar::Lie;
use super::link::Weather;
use super::scenario::{Blow, Scenario};
use crate::types::Rng;
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};

/// Seeds from here on are wild: more people, of whom not all have met, more mishaps than one life has, months of absence.
pub const WILD: u64 = 1_000_000;

/// Seeds from here on are those before it with files in them: what else happens is the same.
pub const FILES: u64 = 1_000_000_000;

impl Scenario {
    /// The scenario of a seed.
    pub fn of_seed(seed: u64) -> Self {
        if let Some(plain) = seed.checked_sub(FILES) {
            return Self { seed, ..Self::of_seed(plain) }.with_files();
        }
        let mut bytes = *b"tidings scenario of a seed......";
        bytes[24..].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let is_wild = seed >= WILD;
        let people = if is_wild { 2 + rng.below(5) as u8 } else { 2 + [0, 0, 0, 1, 1, 2][rng.below(6) as usize] };
        let relays = rng.below(3) as u8;
        let weather = Weather {
            delay: [5, 5, 80, 400][rng.below(4) as usize],
            jitter: [0, 50, 2_000][rng.below(3) as usize],
            twice: [0, 0, 30][rng.below(3) as usize],
            vanish: [0, 0, 0, 10][rng.below(4) as usize],
            snap: [0, 0, 20][rng.below(3) as usize],
            crash: [0, 5, 30][rng.below(3) as usize],
            crashes_max: 40,
            gossip_loss: [0, 300, 900][rng.below(3) as usize],
        };
        let inbox_bytes = [64 << 20, 64 << 20, 64 << 20, 60_000][rng.below(4) as usize];
        let mut scenario = Self { seed, real: false, people, relays, inbox_bytes, weather, blows: Vec::new() };
        Maker { rng: &mut rng, scenario: &mut scenario, is_wild, sleeps: 0, has_mishap: false }.make();
        scenario
    }

    /// What people do with files, between what happens anyway; by chance of its own.
    fn with_files(mut self) -> Self {
        let mut bytes = *b"tidings files of a seed.........";
        bytes[24..].copy_from_slice(&self.seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let (people, all) = (u64::from(self.people), u64::from(self.people + self.relays));
        for _ in 0..rng.below(3) {
            let (who, trick) = (rng.below(all) as u8, [Trick::Lose, Trick::Lie, Trick::Stall][rng.below(3) as usize]);
            self.insert(&mut rng, Blow::Trick(who, Some(trick)));
        }
        for _ in 0..6 + rng.below(20) {
            let (who, to, choice) = (rng.below(people) as u8, rng.below(people) as u8, rng.below(1 << 16) as u16);
            let chunks = FILE_CHUNKS[rng.below(FILE_CHUNKS.len() as u64) as usize];
            let blow = match rng.below(20) {
                0 | 1 => Blow::Forget(who, to, choice),
                2 | 3 => Blow::Forward(who, to, choice),
                4..=7 => Blow::Fetch(who, to, choice),
                8 => Blow::File { from: who, to, chunks: [9_000, 17_000][usize::from(choice % 2)] },
                _ => Blow::File { from: who, to, chunks },
            };
            self.insert(&mut rng, blow);
        }
        self
    }

    fn insert(&mut self, rng: &mut Rng, blow: Blow) {
        let at = rng.below(self.blows.len() as u64 + 1) as usize;
        self.blows.insert(at, blow);
    }
}

/// One, a few, as many as come by themselves, more than that, more than a listing has digests for.
const FILE_CHUNKS: [u32; 6] = [1, 1, 5, 60, 150, 300];

struct Maker<'a> {
    rng: &'a mut Rng,
    scenario: &'a mut Scenario,
    is_wild: bool,
    sleeps: u32,
    has_mishap: bool,
}

impl Maker<'_> {
    fn make(&mut self) {
        if self.rng.below(4) == 0 {
            for who in 0..self.all() {
                let ahead = self.rng.below(50 * MINUTE).cast_signed() - (25 * MINUTE).cast_signed();
                self.add(Blow::Clock(who, ahead));
            }
        }
        if self.rng.below(3) == 0 {
            let who = self.anyone();
            let time = self.rng.below(SECOND);
            self.add(Blow::Disk(who, time));
        }
        if self.rng.below(2) == 0 {
            self.mailboxes();
        }
        if self.scenario.people > 2 && self.rng.below(3) == 0 {
            self.add(Blow::Meet { host: 0, guest: 1, public: false });
            self.wait(5 * SECOND);
            self.add(Blow::Again { host: 0, guest: 2 });
            self.wait(5 * SECOND);
        }
        let meets_in_storm = self.rng.below(3) == 0;
        for a in 0..self.scenario.people {
            for b in 0..a {
                if self.is_wild && self.rng.below(8) == 0 {
                    continue;
                }
                let (host, guest) = if self.rng.below(2) == 0 { (a, b) } else { (b, a) };
                let public = self.rng.below(8) == 0;
                self.add(Blow::Meet { host, guest, public });
                if meets_in_storm {
                    self.blow();
                    self.wait(10 * SECOND);
                } else {
                    self.add(Blow::Wait(5 * SECOND));
                }
            }
        }
        self.mailboxes();
        if self.scenario.people > 2 && self.rng.below(3) > 0 {
            self.add(Blow::Group(0));
        }
        for _ in 0..12 + self.rng.below(30) {
            self.blow();
            self.wait(40 * SECOND);
        }
    }

    fn add(&mut self, blow: Blow) {
        self.scenario.blows.push(blow);
    }

    fn wait(&mut self, most: u64) {
        let time = self.rng.below(most);
        self.add(Blow::Wait(time));
    }

    fn all(&self) -> u8 {
        self.scenario.people + self.scenario.relays
    }

    fn anyone(&mut self) -> u8 {
        self.rng.below(u64::from(self.all())) as u8
    }

    fn person(&mut self) -> u8 {
        self.rng.below(u64::from(self.scenario.people)) as u8
    }

    fn pair(&mut self) -> (u8, u8) {
        let from = self.person();
        let to = (from + 1 + self.rng.below(u64::from(self.scenario.people) - 1) as u8) % self.scenario.people;
        (from, to)
    }

    fn relay(&mut self) -> Option<u8> {
        let relays = u64::from(self.scenario.relays);
        (relays > 0).then(|| self.scenario.people + self.rng.below(relays) as u8)
    }

    fn mailboxes(&mut self) {
        for who in 0..self.scenario.people {
            for relay in self.scenario.people..self.all() {
                if self.rng.below(3) > 0 {
                    self.add(Blow::Join(who, relay));
                }
            }
            if self.rng.below(3) == 0 {
                let other = self.person();
                self.add(Blow::Ask(who, other));
            }
        }
        self.add(Blow::Wait(5 * SECOND));
    }

    fn blow(&mut self) {
        let (from, to) = self.pair();
        match self.rng.below(45) {
            0 => self.add(Blow::Cut(from, to)),
            1 => {
                let (one, other) = (self.anyone(), self.anyone());
                self.add(Blow::Cut(one, other));
            }
            2 => self.add(Blow::CutOneWay(from, to)),
            3 | 4 => self.add(Blow::Heal),
            5 | 6 => {
                let who = self.anyone();
                self.add(Blow::Drop(who));
            }
            7..=10 => {
                let who = self.anyone();
                self.add(Blow::Kill(who));
            }
            11..=13 => {
                let who = self.anyone();
                self.add(Blow::Start(who));
            }
            14 => {
                let count = 20 + self.rng.below(200) as u16;
                self.add(Blow::Say { from, to, count });
            }
            15 => self.wait(5 * HOUR),
            16 if self.sleeps == 0 || (self.is_wild && self.sleeps < 3) => {
                self.sleeps += 1;
                self.wait(if self.is_wild { 45 * DAY } else { 3 * DAY });
            }
            17 => {
                let (one, other, time) = (self.anyone(), self.anyone(), self.rng.below(3 * MINUTE));
                self.add(Blow::Clog(one, other, time));
            }
            18 => {
                let ahead = self.rng.below(50 * MINUTE).cast_signed() - (25 * MINUTE).cast_signed();
                self.add(Blow::Clock(from, ahead));
            }
            19 => self.add(Blow::Rename(from)),
            20 => self.mishap(),
            21 => {
                let on = self.rng.below(2) == 0;
                self.add(Blow::Hide(from, on));
            }
            22 => {
                let who = self.anyone();
                let on = self.rng.below(2) == 0;
                self.add(Blow::Full(who, on));
            }
            23..=25 => {
                let choice = self.rng.below(1 << 16) as u16;
                self.add(Blow::Mark { from, to, choice });
            }
            26 | 35 => {
                let is_in_group = self.rng.below(3) == 0;
                self.add(Blow::Look { from, to: if is_in_group { from } else { to } });
            }
            27..=29 => {
                let count = 1 + self.rng.below(5) as u16;
                self.add(Blow::Tell { from, count });
            }
            30..=32 => self.grouping(from, to),
            33 => self.add(Blow::Smuggle(to)),
            34 => self.add(Blow::Forge(from)),
            36 | 37 if self.scenario.people > 2 => self.absence(from, to),
            _ => {
                let count = 1 + self.rng.below(3) as u16;
                self.add(Blow::Say { from, to, count });
            }
        }
    }

    /// Somebody is away while the keys of the group change, and what is said after that is waiting for them before the change is.
    fn absence(&mut self, from: u8, to: u8) {
        let away = (0..self.scenario.people).find(|who| *who != from && *who != to).unwrap_or(to);
        self.add(Blow::Kill(away));
        for relay in self.scenario.people..self.all() {
            self.add(Blow::Cut(from, relay));
        }
        self.add(Blow::Update(from));
        self.wait(20 * SECOND);
        self.add(Blow::Tell { from: to, count: 2 });
        self.wait(2 * MINUTE);
        self.add(Blow::Start(away));
        self.wait(MINUTE);
        self.add(Blow::Heal);
    }

    fn grouping(&mut self, from: u8, to: u8) {
        let admin = if self.is_wild && self.rng.below(2) == 0 { from } else { 0 };
        match self.rng.below(5) {
            0 => self.add(Blow::Add(admin, to)),
            1 => self.add(Blow::Remove(admin, to)),
            // Two who do not know of each other's.
            2 => {
                self.add(Blow::Update(from));
                self.add(Blow::Update(to));
            }
            _ if self.is_wild && self.rng.below(2) == 0 => self.add(Blow::Group(from)),
            _ => self.add(Blow::Update(from)),
        }
    }

    /// What people hope never happens: at most once in a scenario that is not wild.
    fn mishap(&mut self) {
        if std::mem::replace(&mut self.has_mishap, true) && !self.is_wild {
            return;
        }
        let (from, to) = self.pair();
        match self.rng.below(6) {
            0 => {
                if let Some(relay) = self.relay() {
                    self.add(Blow::Burn(relay));
                }
            }
            1 => {
                if let Some(relay) = self.relay() {
                    let lie = [Lie::Forget, Lie::Withhold, Lie::Twice, Lie::Garble][self.rng.below(4) as usize];
                    self.add(Blow::Lie(relay, Some(lie)));
                }
            }
            2 => {
                self.add(Blow::Backup(from));
                for _ in 0..self.rng.below(6) {
                    self.blow();
                    self.wait(20 * SECOND);
                }
                self.add(Blow::Restore(from));
            }
            3 => {
                self.add(Blow::Block(from, to, true));
                for _ in 0..1 + self.rng.below(6) {
                    self.add(Blow::Say { from: to, to: from, count: 1 });
                    self.blow();
                    self.wait(MINUTE);
                }
                self.add(Blow::Block(from, to, false));
            }
            4 => {
                let who = self.relay().unwrap_or(to);
                self.add(Blow::Leave(from, who));
            }
            _ => {
                let count = 1 + self.rng.below(30) as u16;
                self.add(Blow::Junk(from, to, count));
            }
        }
    }
}
