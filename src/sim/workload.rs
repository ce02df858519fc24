//! From a seed to a scenario: people as people are, in weather as it is.

use super::liar::Lie;
use super::link::Weather;
use super::scenario::{Blow, Scenario};
use crate::types::Rng;
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};

impl Scenario {
    /// The scenario of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut bytes = *b"tidings scenario of a seed......";
        bytes[24..].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let people = 2 + [0, 0, 0, 1, 1, 2][rng.below(6) as usize];
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
        Maker { rng: &mut rng, scenario: &mut scenario, has_slept: false, has_mishap: false }.make();
        scenario
    }
}

struct Maker<'a> {
    rng: &'a mut Rng,
    scenario: &'a mut Scenario,
    has_slept: bool,
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
        let meets_in_storm = self.rng.below(3) == 0;
        for a in 0..self.scenario.people {
            for b in 0..a {
                let (host, guest) = if self.rng.below(2) == 0 { (a, b) } else { (b, a) };
                let public = self.rng.below(16) == 0;
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
        if self.scenario.people > 2 && self.rng.below(2) == 0 {
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
        match self.rng.below(40) {
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
            16 if !self.has_slept => {
                self.has_slept = true;
                self.wait(3 * DAY);
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
            26 => self.add(Blow::Look { from, to }),
            27..=29 => {
                let count = 1 + self.rng.below(5) as u16;
                self.add(Blow::Tell { from, count });
            }
            30 => self.grouping(from, to),
            _ => {
                let count = 1 + self.rng.below(3) as u16;
                self.add(Blow::Say { from, to, count });
            }
        }
    }

    fn grouping(&mut self, from: u8, to: u8) {
        match self.rng.below(4) {
            0 => self.add(Blow::Add(0, to)),
            1 => self.add(Blow::Remove(0, to)),
            _ => self.add(Blow::Update(from)),
        }
    }

    /// At most once in a scenario: what people hope never happens.
    fn mishap(&mut self) {
        if std::mem::replace(&mut self.has_mishap, true) {
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
                for _ in 0..self.rng.below(6) {
                    self.blow();
                    self.wait(20 * SECOND);
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
