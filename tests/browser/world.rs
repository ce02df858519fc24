//! Alice's node, lived in: friends who write in three scripts, photos, sound and films, requests, a long room, and things that still wait.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use serde_json::json;
use tempfile::TempDir;
use tidings::mesh::{Mesh, Person, Result};
use tidings::node::{self, Body, NewMedia};
use tidings::types::{MessageId, RoomId};

use super::driver::Browser;

/// Alice's node and those of her friends.
pub(crate) struct World {
    pub(crate) mesh: Mesh,
    pub(crate) alice: Person,
    /// When each part of the story happened, and how many minutes ago it is told to have happened.
    moments: Vec<(u64, u64)>,
}

/// Her best friend, a friend who writes Chinese, and one who writes Arabic.
pub(crate) const MIA: &str = "Mia Hartmann";
pub(crate) const JING: &str = "陈静";
pub(crate) const LAYLA: &str = "ليلى حداد";
/// With whom the room is long.
pub(crate) const BUDI: &str = "Budi Santoso";
/// Who is away, and whose name is long.
pub(crate) const JOSE: &str = "José Ignacio Fernández-Villaverde y Domínguez";
/// Who has not answered yet; who was blocked.
pub(crate) const TOMAS: &str = "Tomás";
pub(crate) const PRIZES: &str = "Prize Office";
/// Who is just about to begin.
pub(crate) const NINA: &str = "Nina";

const FRIENDS: [&str; 8] = [MIA, JING, LAYLA, BUDI, JOSE, "Oma Ruth", "Zoë Lindqvist", "Kwame Mensah"];
const STRANGERS: [&str; 5] = ["Daniel Cho", "أميرة", TOMAS, PRIZES, NINA];

/// Messages in the long room.
const LONG: usize = 320;

impl World {
    /// Everything has settled when it returns, and José is away.
    pub(crate) async fn lived_in() -> Result<Self> {
        let people = ["Alice Okafor"].into_iter().chain(FRIENDS).chain(STRANGERS);
        let mesh = Mesh::builder().people(people).relays(2).interfaces().start().await?;
        let mut world = Self { alice: mesh.person("Alice Okafor"), mesh, moments: Vec::new() };
        world.meet().await?;
        let studio = Studio::open();
        world.weeks_ago().await?;
        world.of_late(&studio).await?;
        world.yesterday(&studio).await?;
        world.today(&studio).await?;
        Ok(world)
    }

    /// Somebody in it.
    pub(crate) fn person(&self, name: &str) -> Person {
        self.mesh.person(name)
    }

    /// The room of Alice and a friend.
    pub(crate) fn room(&self, name: &str) -> RoomId {
        self.alice.room(&self.person(name)).unwrap()
    }

    /// Has a page show the times of the story: the minutes in which it was made look like weeks. For pictures only.
    pub(crate) fn tell_times(&self, browser: &Browser) {
        browser.before_all(&format!(
            "{{ const moments = {}; const now = Date.now();
              const told = (at) => {{ const moment = moments.findLast(([real]) => real <= at); return moment && at <= now + 60_000 ? now - moment[1] * 60_000 + (at - moment[0]) * 4 : at; }};
              const walk = (value, key) => Array.isArray(value) ? value.map((one) => walk(one, key)) : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, walk(one, name)])) : ['at', 'last_at', 'delivered', 'read', 'since'].includes(key) && typeof value === 'number' ? told(value) : value;
              const json = Response.prototype.json; Response.prototype.json = function () {{ return json.call(this).then((value) => walk(value, '')); }}; }}",
            json!(self.moments)
        ));
    }

    fn moment(&mut self, minutes_ago: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.moments.push((u64::try_from(now.as_millis()).unwrap(), minutes_ago));
    }

    async fn say(&self, from: &str, text: &str) -> Result<MessageId> {
        self.person(from).send(&self.alice, text).await
    }

    async fn answer(&self, to: &str, text: &str) -> Result<MessageId> {
        self.alice.send(&self.person(to), text).await
    }

    async fn react(&self, by: &Person, room: RoomId, target: MessageId, emoji: &str) -> Result<MessageId> {
        by.send_body(room, Body::Reaction { target, emoji: emoji.to_owned() }).await
    }

    async fn show(&self, by: &Person, room: RoomId, name: &str, bytes: &[u8], caption: &str) -> Result<MessageId> {
        let new = NewMedia {
            name: name.to_owned(),
            caption: caption.to_owned(),
            reply: None,
            as_voice: Path::new(name).extension().is_some_and(|kind| kind == "ogg"),
            keep_metadata: false,
        };
        let media = by.handle()?.take_in(&mut &bytes[..], new).unwrap();
        by.send_body(room, Body::Media(Box::new(media))).await
    }

    async fn meet(&mut self) -> Result<()> {
        self.moment(60 * 24 * 21);
        for name in FRIENDS.into_iter().chain([PRIZES]) {
            self.alice.meet(&self.person(name)).await?;
        }
        self.alice.join(&self.mesh.relay(0)).await?;
        self.alice.join(&self.mesh.relay(1)).await?;
        self.person(JOSE).join(&self.mesh.relay(0)).await?;
        self.mesh.settle().await
    }

    async fn weeks_ago(&mut self) -> Result<()> {
        self.moment(60 * 24 * 9);
        self.say(PRIZES, "CONGRATULATIONS!!! You won 1.000.000, click now: https://prizes.example/claim?id=77120").await?;
        self.say("Kwame Mensah", "The book is on your doorstep. No hurry with it.").await?;
        self.answer("Kwame Mensah", "Thank you, Kwame! I will begin tonight.").await?;
        let budi = self.person(BUDI);
        let room = budi.room(&self.alice)?;
        for part in 0..LONG / 40 {
            let some = (0..40).map(|number| {
                let text = PAGES[(part * 40 + number * 7) % PAGES.len()].to_owned();
                budi.send_body(room, Body::Text { text, reply: None })
            });
            futures::future::try_join_all(some).await?;
        }
        self.mesh.settle().await?;
        self.alice.read(&budi).await?;
        self.alice.read(&self.person("Kwame Mensah")).await?;
        let block = node::Command::ContactBlock { account: self.person(PRIZES).account(), on: true };
        self.alice.command(block).await.map(drop)
    }

    async fn of_late(&mut self, studio: &Studio) -> Result<()> {
        self.moment(60 * 24 * 4);
        let ruth = self.person("Oma Ruth");
        let room = ruth.room(&self.alice)?;
        self.say("Oma Ruth", "Hello my dear, I found out how the microphone works.").await?;
        self.show(&ruth, room, "voice.ogg", &studio.voice(6), "").await?;
        self.mesh.settle().await?;
        self.alice.read(&ruth).await?;
        self.say("Zoë Lindqvist", "Minutes of the meeting, as promised").await?;
        let zoe = self.person("Zoë Lindqvist");
        let paper = [&b"%PDF-1.4\n"[..], &[b' '; 181_000], b"\n%%EOF\n"].concat();
        let name = "Minutes of the garden society, 14 November, final (2).pdf";
        self.show(&zoe, zoe.room(&self.alice)?, name, &paper, "").await?;
        self.mesh.settle().await?;
        self.alice.read(&zoe).await?;
        let sea = self.alice.send(&self.person(JING), "静，你那边天气怎么样？").await?;
        let text = "今天晴天，我们去湖边走了走，还看到了白鹭。你什么时候过来？".to_owned();
        let jing = self.person(JING);
        let room = jing.room(&self.alice)?;
        self.mesh.settle().await?;
        jing.send_body(room, Body::Text { text, reply: Some(sea) }).await?;
        self.show(&jing, room, "湖边.jpg", &studio.photo(5, 960, 720), "傍晚的湖边，没有修过图").await?;
        self.mesh.settle().await?;
        self.answer(JING, "太美了！我下个月初到，票已经买好了 🎉").await?;
        self.mesh.settle().await?;
        self.alice.read(&jing).await?;
        jing.read(&self.alice).await
    }

    async fn yesterday(&mut self, studio: &Studio) -> Result<()> {
        self.moment(60 * 26);
        let (mia, layla) = (self.person(MIA), self.person(LAYLA));
        let room = mia.room(&self.alice)?;
        self.answer(MIA, "Are you coming on Saturday?").await?;
        let place = self.answer(MIA, "We start at six, at the old bridge 🌞").await?;
        self.mesh.settle().await?;
        let text = "Yes! I bring the tea and my sister. Is there anything else you need?".to_owned();
        let tea = mia.send_body(room, Body::Text { text, reply: Some(place) }).await?;
        self.react(&mia, room, place, "❤️").await?;
        self.mesh.settle().await?;
        self.react(&self.alice, room, tea, "👍").await?;
        self.answer(MIA, "A blanket would be lovely. Here is the way: https://www.openstreetmap.org/#map=15/52.5200/13.4050").await?;
        let typo = self.answer(MIA, "I am so looking forwrad to it").await?;
        let oops = self.answer(MIA, "wrong chat, sorry").await?;
        self.mesh.settle().await?;
        let text = "I am so looking forward to it".to_owned();
        self.alice.send_body(room, Body::Edit { target: typo, text }).await?;
        self.alice.send_body(room, Body::Recall { target: oops }).await?;
        self.mesh.settle().await?;

        let room = layla.room(&self.alice)?;
        self.say(LAYLA, "مساء الخير يا أليس! هل وصلتك الصور من الرحلة؟").await?;
        let photo = self.show(&layla, room, "الجبل.jpg", &studio.photo(4, 900, 675), "من قمة الجبل عند الغروب").await?;
        self.show(&layla, room, "voice.ogg", &studio.voice(11), "").await?;
        self.mesh.settle().await?;
        self.react(&self.alice, room, photo, "😍").await?;
        let text = "رائعة جدًا! سأعود يوم الأحد، رحلتي LH 1234 تصل الساعة 18:45 إن شاء الله".to_owned();
        self.alice.send_body(room, Body::Text { text, reply: Some(photo) }).await?;
        self.mesh.settle().await?;
        self.alice.read(&layla).await?;
        layla.read(&self.alice).await?;
        mia.read(&self.alice).await
    }

    async fn today(&mut self, studio: &Studio) -> Result<()> {
        self.moment(95);
        let mia = self.person(MIA);
        let room = mia.room(&self.alice)?;
        self.say(MIA, "We left early, and look at this").await?;
        self.show(&mia, room, "dawn.jpg", &studio.photo(11, 1024, 768), "").await?;
        self.show(&mia, room, "pines.jpg", &studio.photo(3, 768, 1024), "").await?;
        self.show(&mia, room, "blue.jpg", &studio.photo(6, 1024, 768), "").await?;
        self.show(&mia, room, "boat.webm", &studio.film(12), "").await?;
        self.show(&mia, room, "rose.jpg", &studio.photo(13, 1024, 768), "The last of a hundred, the light changed every minute").await?;
        self.mesh.settle().await?;
        self.show(&self.alice, room, "voice.ogg", &studio.voice(4), "").await?;
        self.answer(MIA, "😍🌅").await?;
        self.mesh.settle().await?;
        self.alice.read(&mia).await?;
        mia.read(&self.alice).await?;

        self.moment(40);
        let public = self.alice.command(node::Command::Invite { ttl_ms: 0, public: true }).await?;
        let node::Reply::Link(link) = public else { panic!("an invitation is a link") };
        for (name, greeting) in [("Daniel Cho", "We met at the library on Tuesday, you lent me your pen"), ("أميرة", "")] {
            let ask = node::Command::ContactAdd { link: link.clone(), name: None, greeting: greeting.to_owned() };
            self.person(name).command(ask).await?;
        }
        let node::Reply::Link(link) = self.person(TOMAS).command(node::Command::Invite { ttl_ms: 0, public: true }).await? else {
            panic!("an invitation is a link")
        };
        let ask = node::Command::ContactAdd { link, name: None, greeting: "It is Alice, from the choir".to_owned() };
        self.alice.command(ask).await?;
        self.mesh.settle().await?;
        let jose = self.person(JOSE);
        self.say(JOSE, "¿Puedes mirar el contrato antes del viernes? Sin prisa, pero me gustaría tu opinión.").await?;
        self.mesh.settle().await?;
        self.alice.read(&jose).await?;
        jose.stop().await;
        self.answer(JOSE, "Claro, lo leo esta noche y te escribo mañana.").await?;
        self.moment(6);
        self.say(BUDI, "Aku sudah di stasiun, keretanya tepat waktu!").await?;
        self.say(BUDI, "Sampai jumpa sebentar lagi 🚲").await?;
        let notes = tidings::store::reader::Reader::new(self.alice.handle()?.store(), self.alice.account(), 0).notes_room();
        for text in [
            "Tea, blanket, the small lamp",
            "Call the dentist: +49 30 5550 142",
            "Ideas for Ruth's birthday:\n– a plant\n– the recording of the choir\n– a day at the sea",
        ] {
            self.alice.send_body(notes, Body::Text { text: text.to_owned(), reply: None }).await?;
        }
        self.mesh.settle().await
    }
}

/// Where pictures, sounds and films are made: Chromium paints, `ffmpeg` records.
pub(crate) struct Studio {
    browser: Browser,
    folder: TempDir,
}

impl Studio {
    pub(crate) fn open() -> Self {
        Self { browser: Browser::start("en", (100, 100), &[]), folder: TempDir::new().unwrap() }
    }

    /// A JPEG of a landscape.
    pub(crate) fn photo(&self, seed: u32, width: u32, height: u32) -> Vec<u8> {
        let data = self.browser.js(&format!("{SCENE} return paint({seed}, {width}, {height})"));
        BASE64.decode(data.as_str().unwrap().as_bytes()).unwrap()
    }

    /// Somebody who speaks, about as loud as people do: Opus in Ogg.
    pub(crate) fn voice(&self, seconds: u32) -> Vec<u8> {
        let voice = "0.7*sin(2*PI*150*t)*abs(sin(2*PI*2.3*t))*(0.35+0.65*abs(sin(2*PI*0.31*t+1)))*(1-0.9*between(mod(t\\,4)\\,3.1\\,3.8))";
        let source = format!("aevalsrc={voice}:s=48000:d={seconds}");
        self.record("voice.ogg", &["-f", "lavfi", "-i", &source, "-ac", "1", "-c:a", "libopus", "-b:a", "24k"])
    }

    /// A slow look along a landscape, with a sound: VP8 and Opus in WebM, its index in front.
    pub(crate) fn film(&self, seconds: u32) -> Vec<u8> {
        let still = self.folder.path().join("still.jpg");
        std::fs::write(&still, self.photo(8, 960, 540)).unwrap();
        let (frames, length) = (seconds * 15, seconds.to_string());
        let way = format!("zoompan=z='1.2':x='on*{}/{frames}':d={frames}:s=640x360:fps=15", 150);
        let picture = ["-loop", "1", "-i", still.to_str().unwrap(), "-f", "lavfi", "-i", "sine=frequency=330", "-vf", &way];
        let kept =
            ["-t", &length, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M", "-g", "30", "-c:a", "libopus"];
        self.record("film.webm", &[&picture[..], &kept[..], &["-cues_to_front", "1"]].concat())
    }

    fn record(&self, name: &str, args: &[&str]) -> Vec<u8> {
        let path = self.folder.path().join(name);
        let mut recorder = Command::new("ffmpeg");
        let made = recorder.args(["-loglevel", "error", "-y"]).args(args).arg(&path).stdin(Stdio::null()).status();
        assert!(made.expect("ffmpeg is missing: scripts/browser installs it").success(), "ffmpeg did not make {name}");
        std::fs::read(path).unwrap()
    }
}

/// What paints.
pub(crate) const SCENE: &str = include_str!("scene.js");

/// What is said in the long room.
const PAGES: [&str; 9] = [
    "Pagi! Sudah sarapan?",
    "Did you see the heron at the canal this morning? It stood there for an hour and nobody moved.",
    "Besok aku ke pasar, mau titip apa?",
    "The tickets are 14,50 each if we book before Thursday.",
    "😂",
    "I think the second chapter is the best one, because nothing happens in it and everything is said.",
    "Ok",
    "Jangan lupa kuncinya ya",
    "Let us meet half an hour earlier, then there is time for soup.",
];
