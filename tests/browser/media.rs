//! Photos, and a film, between Alice and Bob.

use std::time::Duration;

use tidings::mesh::{Mesh, Person, Result};
use tidings::node::{Body, NewMedia};
use tidings::store::reader::view::BodyState;

use super::driver::{Browser, ENTER};
use super::world::{SCENE, Studio};
use super::{LAPTOP, PHONE, open, room_of, visit};

async fn friends() -> Result<(Mesh, Person, Person)> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    Ok((mesh, alice, bob))
}

/// Waits for the whole picture of so many dots beside each other.
fn shows_picture(browser: &Browser, width: u32) {
    let script = format!(
        "return [...document.querySelectorAll('li.theirs .photo img')].some((one) => one.complete && one.naturalWidth === {width})"
    );
    browser.until("the picture", &script);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_pasted_and_one_is_dropped() -> Result<()> {
    let (mesh, alice, bob) = friends().await?;
    let (one, other) = (open(&alice, "en", LAPTOP), open(&bob, "en", PHONE));
    visit(&one, &room_of(&alice, &bob));
    visit(&other, &room_of(&bob, &alice));
    one.finds("#composer");
    other.finds("#composer");

    one.allow(&["clipboardReadWrite", "clipboardSanitizedWrite"]);
    one.js(
        "const canvas = Object.assign(document.createElement('canvas'), { width: 300, height: 200 }); canvas.getContext('2d').fillRect(0, 0, 200, 200);
         document.getElementById('composer').focus();
         return new Promise((done) => canvas.toBlob((blob) => navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]).then(() => done(true))))",
    );
    one.paste();
    one.finds("dialog .files img");
    one.keys("from the clipboard");
    one.keys(ENTER);
    other.sees("from the clipboard");
    shows_picture(&other, 300);

    let file = alice.data().join("lake.jpg");
    std::fs::write(
        &file,
        data_encoding::BASE64.decode(one.js(&format!("{SCENE} return paint(4, 640, 480)")).as_str().unwrap().as_bytes()).unwrap(),
    )?;
    one.until("no sheet", "return !document.querySelector('dialog')");
    one.drop_file(file.to_str().unwrap(), (900, 300));
    one.finds("dialog .files img");
    one.keys("and a dropped one");
    one.keys(ENTER);
    other.sees("and a dropped one");
    shows_picture(&other, 640);
    assert_eq!((one.log(), other.log()), (Vec::new(), Vec::new()), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

/// What the film of the page does, in one script.
const FILM: &str = "const film = document.querySelector('li.theirs video');";

#[tokio::test(flavor = "multi_thread")]
async fn a_film_plays_and_is_sought_in_while_it_comes() -> Result<()> {
    let (mesh, alice, bob) = friends().await?;
    let film = Studio::open().film(40);
    assert!(film.len() > 1_000_000, "{} bytes are here before anybody looks", film.len());
    let other = open(&bob, "en", LAPTOP);
    visit(&other, &room_of(&bob, &alice));
    other.finds("#composer");
    mesh.slow(&alice, &bob, Duration::from_millis(5), 150_000);
    let new =
        NewMedia { name: "boat.webm".to_owned(), caption: "from the boat".to_owned(), reply: None, as_voice: false, keep_metadata: false };
    let media = alice.handle()?.take_in(&mut &film[..], new).unwrap();
    let message = alice.send_body(alice.room(&bob)?, Body::Media(Box::new(media))).await?;
    other.finds("li.theirs video");
    other.js(&format!("{FILM} film.muted = true; film.dataset.same = 'yes'; film.play()"));
    other.until("the film to play", &format!("{FILM} return film.currentTime > 0.3"));
    let is_here = || {
        let handle = bob.handle().unwrap();
        let reader = tidings::store::reader::Reader::new(handle.store(), bob.account(), 0);
        reader.message(&message).unwrap().blob.unwrap().state == BodyState::Here
    };
    assert!(!is_here(), "it plays before it is whole");
    other.js(&format!("{FILM} film.currentTime = 30"));
    other.until("the film to play from there", &format!("{FILM} return film.currentTime > 30.3 && !film.seeking && film.readyState > 2"));
    assert!(!is_here(), "what is looked at comes first");
    assert_eq!(other.js(&format!("{FILM} return film.dataset.same")), "yes", "what comes meanwhile leaves the player alone");
    mesh.heal();
    other.until("the rest", "return document.querySelector('li.theirs progress').hidden");
    assert!(is_here());
    other.js(&format!("{FILM} film.currentTime = 5"));
    other.until("what was passed over", &format!("{FILM} return film.currentTime > 5.2 && film.currentTime < 30"));
    assert_eq!(other.log(), Vec::<String>::new(), "the console is quiet");
    mesh.stop().await;
    Ok(())
}
