//! Albums and how they are looked at, voice notes by holding a button, the camera, and space on the disk.

use std::path::Path;

use tidings::mesh::{Mesh, Result};
use tidings::node::{Command, Reply};

use super::driver::{Browser, ESCAPE};
use super::story::picture;
use super::{LAPTOP, PHONE, enter, open, room_of, visit};

/// Keys of the viewer.
const RIGHT: &str = "\u{e014}";

#[tokio::test(flavor = "multi_thread")]
async fn photos_sent_together_are_an_album_that_can_be_looked_through() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let (one, other) = (open(&alice, "en", PHONE), open(&bob, "en", LAPTOP));
    visit(&one, &room_of(&alice, &bob));
    visit(&other, &room_of(&bob, &alice));
    let files: Vec<String> = (0..4)
        .map(|number| {
            let path = alice.data().join(format!("view-{number}.png"));
            std::fs::write(&path, picture(60 + number, 50)).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    one.finds("#composer");
    one.choose("input[type=file]", &files.join("\n"));
    one.press("Leave out \u{2068}view-1.png\u{2069}");
    one.fill("#caption", "three of the lake");
    one.press_in("dialog .primary");
    other.until("an album of three", "return document.querySelectorAll('li.album .part img').length === 3");
    other.sees("three of the lake");
    one.until("one mark for all", "return document.querySelectorAll('li.album .mark').length === 1");

    other.click(".part:nth-child(2) .photo");
    let sees = |width: u32| {
        let script = format!(
            "const image = document.querySelector('.viewer img'); return Boolean(image?.complete && image.naturalWidth === {width})"
        );
        other.until("the picture", &script);
    };
    sees(62);
    other.keys("+");
    other.until("nearer", "return document.querySelector('.viewer img').style.transform.includes('scale(1.5)')");
    other.keys("0");
    other.keys(RIGHT);
    sees(63);
    other.until("its place", "return document.querySelector('.viewer-words').innerText.replace(/[^0-9 of]/g, '').includes('3 of 3')");
    assert_eq!(other.js("return document.querySelector('.viewer [download]').download"), "view-3.png");
    other.press("What to do with this message");
    other.press("React with \u{2068}👍\u{2069}");
    one.finds(".part:nth-child(3) .pill");
    other.until("no viewer", "return !document.querySelector('dialog')");
    assert_eq!((one.log(), other.log()), (Vec::new(), Vec::new()), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_is_recorded_by_holding_and_plays_on_while_the_chat_changes() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let (one, other) = (open(&alice, "en", PHONE), open(&bob, "en", LAPTOP));
    visit(&one, &room_of(&alice, &bob));
    visit(&other, &room_of(&bob, &alice));
    let second = || one.until("a second", "return document.querySelector('.recording time')?.innerText >= '0:01'");
    one.hold(".mic", -200, || {
        second();
        one.sees("Let go to listen");
    });
    one.until("nothing recorded", "return !document.querySelector('.recording')");
    for _ in 0..2 {
        one.hold(".mic", -5, second);
        one.finds(".recording audio");
        one.press_in(".recording .send");
        one.until("it is sent", "return !document.querySelector('.recording')");
    }
    other.until("two notes", "return document.querySelectorAll('li.theirs audio').length === 2");
    other.press("Speed: \u{2068}1\u{2069}×");
    other.click("li.theirs .play");
    other.until("it plays", "return document.querySelector('li.theirs audio').currentTime > 0.1");
    other.js("window.first = document.querySelector('li.theirs audio')");
    let note = alice.transcript(&bob)?.first().unwrap().message;
    let emoji = "🎵".to_owned();
    alice.send_body(alice.room(&bob)?, tidings::node::Body::Reaction { target: note, emoji }).await?;
    other.finds("li.theirs .pill");
    assert_eq!(other.js("return window.first === document.querySelector('li.theirs audio')"), true, "the player is the same one");
    other.until(
        "the next one, as fast",
        "const [first, next] = document.querySelectorAll('li.theirs audio'); return first.paused && next.currentTime > 0.1 && next.playbackRate === 1.5",
    );
    assert_eq!((one.log(), other.log()), (Vec::new(), Vec::new()), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

/// What a camera sees that looks at a code: a film of one picture (https://wiki.multimedia.cx/index.php/YUV4MPEG2).
fn film_of(rows: &[String], path: &Path) {
    let (width, height, size) = (640, 480, 4);
    let (left, top) = ((width - rows.len() * size) / 2, (height - rows.len() * size) / 2);
    let mut grey = vec![220_u8; width * height];
    for (y, row) in rows.iter().enumerate() {
        for (x, _) in row.bytes().enumerate().filter(|(_, square)| *square == b'1') {
            for line in 0..size {
                let at = (top + y * size + line) * width + left + x * size;
                grey[at..at + size].fill(30);
            }
        }
    }
    let frame = [b"FRAME\n".as_slice(), &grey, &vec![128; width * height / 2]].concat();
    let film = [b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420\n".as_slice(), &frame.repeat(5)].concat();
    std::fs::write(path, film).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_before_the_camera_is_an_invitation_and_the_camera_takes_photos() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    let Reply::Link(link) = bob.command(Command::Invite { ttl_ms: 3_600_000, public: false }).await? else { panic!("no link") };
    let access = bob.access().unwrap();
    let asked = ureq::post(format!("{}/api/v1/qr", access.url)).header("authorization", format!("Bearer {}", access.token));
    let code: serde_json::Value =
        serde_json::from_str(&asked.send(serde_json::json!({ "text": link }).to_string()).unwrap().body_mut().read_to_string().unwrap())
            .unwrap();
    let rows: Vec<String> = serde_json::from_value(code["rows"].clone()).unwrap();
    let film = alice.data().join("code.y4m");
    film_of(&rows, &film);
    let browser = Browser::start("en", PHONE, &[&format!("--use-file-for-fake-video-capture={}", film.display())]);
    enter(&browser, &alice);
    visit(&browser, "add");
    browser.press("Scan a code");
    browser.finds("dialog.camera video");
    browser.until("the link", "return document.getElementById('link').value.startsWith('tidings:')");
    browser.until("no camera", "return !document.querySelector('dialog')");
    browser.press("Ask to be contacts");
    browser.sees("Say hello to");
    assert_eq!(browser.js("return document.getElementById('composer') !== null"), true);
    browser.press("Send photos or files");
    browser.press("Take a photo");
    browser.until("a picture of the camera", "return document.querySelector('dialog.camera video')?.videoWidth === 640");
    browser.press("Take a photo");
    browser.press_in("dialog .primary");
    browser.finds("li.mine .photo");
    browser.finds("li.mine .mark-delivered");
    let handle = bob.handle()?;
    let reader = tidings::store::reader::Reader::new(handle.store(), bob.account(), 0);
    let photo = reader.media(&bob.transcript(&alice)?.pop().unwrap().message).unwrap();
    assert_eq!(photo.preview.mime, "image/jpeg", "the photo is with Bob");
    assert_eq!(browser.log(), Vec::<String>::new(), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_itself_is_chosen_and_a_chat_is_cleaned_up() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let browser = open(&alice, "en", LAPTOP);
    let file = alice.data().join("lake.png");
    std::fs::write(&file, picture(120, 80))?;
    visit(&browser, &room_of(&alice, &bob));
    browser.finds("#composer");
    browser.choose("input[type=file]", file.to_str().unwrap());
    browser.press_in("dialog .primary");
    browser.finds("li.mine .mark-delivered");
    mesh.settle().await?;
    visit(&browser, "settings/space");
    browser.finds("#comes");
    let choose = |id: &str, value: &str| {
        browser.js(&format!(
            "const choice = document.getElementById('{id}'); choice.value = '{value}'; choice.dispatchEvent(new Event('change'))"
        ));
        browser.sees("Saved");
        browser.js("document.querySelector('.toast')?.remove()");
    };
    choose("comes", "0");
    browser.click(".card li:first-child button.row");
    browser.finds("#comes-here");
    choose("comes-here", "1048576");
    browser.press("Make room");
    browser.sees("are free again");
    browser.reload();
    browser.finds("#comes");
    assert_eq!(browser.js("return document.getElementById('comes').value"), "0", "it is remembered");
    browser.click(".card li:first-child button.row");
    browser.until("the room's own", "return document.getElementById('comes-here').value === '1048576'");
    browser.keys(ESCAPE);
    visit(&browser, &room_of(&alice, &bob));
    browser.finds("li.mine .photo-mark:not([hidden])");
    browser.click("li.mine .photo");
    browser.until(
        "the photo, fetched from Bob",
        "const image = document.querySelector('.viewer img'); return Boolean(image?.complete && image.naturalWidth === 120)",
    );
    assert_eq!(browser.log(), Vec::<String>::new(), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

/// A node of the program itself: a copy is brought back into that one while it runs.
struct Program(std::process::Child);

impl Program {
    fn run(data: &Path) -> Self {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["--data", data.to_str().unwrap(), "run", "--listen", "/ip4/127.0.0.1/tcp/0", "--ui", "127.0.0.1:0"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(program);
        for _ in 0..600 {
            if tidings::api::read_access(data).unwrap().is_some() {
                return program;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the node does not start");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_brought_back_at_the_first_run() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    alice.send(&bob, "the key is under the mat").await?;
    mesh.settle().await?;
    let temp = tempfile::TempDir::new()?;
    let copy = temp.path().join("copy.tidings");
    alice.handle()?.export("long and secret", &copy).unwrap();
    alice.stop().await;

    let data = temp.path().join("new");
    let _program = Program::run(&data);
    let access = tidings::api::read_access(&data)?.unwrap();
    let browser = Browser::start("en", PHONE, &[]);
    browser.go(&access.link());
    browser.press("I have a copy of my account");
    browser.choose("#copy", copy.to_str().unwrap());
    browser.fill("#pass", "wrong");
    browser.press("Bring it back");
    browser.sees("This is not a whole copy, or not its passphrase.");
    browser.fill("#pass", "long and secret");
    browser.press("Bring it back");
    browser.sees("the key is under the mat");
    assert_eq!(browser.js("return document.querySelector('.welcome')"), serde_json::Value::Null, "the session goes on");
    mesh.stop().await;
    Ok(())
}
