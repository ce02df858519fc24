//! Alice and Bob, each at a screen.

use tidings::mesh::{Mesh, Result, Standing};

use super::driver::{Browser, ENTER, TAB, UP};
use super::{LAPTOP, PHONE, enter, open, room_of, visit};

/// The menu of the latest message that says this.
fn menu(browser: &Browser, text: &str) {
    let script = format!(
        "const one = [...document.querySelectorAll('li.message')].findLast((one) => one.innerText.includes('{text}')); one?.querySelector('.more').click(); return Boolean(one)"
    );
    browser.until(text, &script);
    browser.finds("dialog.menu[open]");
}

pub(crate) fn write(browser: &Browser, text: &str) {
    browser.fill("#composer", text);
    browser.keys(ENTER);
    browser.until("an empty composer", "return document.getElementById('composer').value === ''");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_friends_meet_by_a_link_and_talk() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    let (one, other) = (Browser::start("en", PHONE, &[]), Browser::start("en", LAPTOP, &[]));
    one.go(&alice.access().unwrap().link());
    one.sees("Welcome to Tidings");
    assert_eq!(one.js("return location.hash"), "", "the token does not stay in the address");
    one.fill("#name", "Alice Ångström");
    one.press("Next");
    one.sees("Hello, \u{2068}Alice Ångström\u{2069}");
    one.press("Invite a friend");
    one.press("Make an invitation");
    one.finds("svg.qr");
    let link = one.js("return document.querySelector('.link-text').value").as_str().unwrap().to_owned();

    other.go(&bob.access().unwrap().link());
    other.fill("#name", "Bob");
    other.press("Next");
    other.press("Write to yourself");
    write(&other, "buy tea");
    other.sees("buy tea");
    visit(&other, "add");
    other.fill("#link", &link);
    other.press("Ask to be contacts");
    other.sees("Say hello to");
    write(&other, "hello Alice");

    visit(&one, "chats");
    one.sees("hello Alice");
    one.until("one unread message", "return document.querySelector('.row .badge')?.innerText.startsWith('1')");
    visit(&one, &room_of(&alice, &bob));
    one.sees("New messages");
    menu(&one, "hello Alice");
    one.press("Reply");
    write(&one, "hello to you");
    other.until("a reply", "return document.querySelector('li.theirs .quote')?.innerText.includes('hello Alice')");
    other.finds("li.mine .mark-read");

    menu(&other, "hello to you");
    other.press("React with \u{2068}👍\u{2069}");
    one.until("a reaction", "return document.querySelector('li.mine .pill')?.innerText.includes('👍')");
    menu(&one, "hello to you");
    one.press("Change");
    write(&one, "good morning");
    other.sees("good morning");
    other.sees("changed");
    menu(&one, "good morning");
    one.press("Take back");
    one.press("Take back");
    other.sees("This message was taken back");

    one.fill("#composer", "half a thought");
    one.reload();
    one.until("the draft", "return document.getElementById('composer')?.value === 'half a thought'");
    visit(&other, "chats");
    other.fill("#search-all", "hello");
    other.sees("\u{2068}1\u{2069} message");
    assert_eq!((one.log(), other.log()), (Vec::new(), Vec::new()), "the console is quiet");
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_somebody_away_is_held_and_then_delivered() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).relays(1).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    bob.join(&mesh.relay(0)).await?;
    mesh.settle().await?;
    bob.stop().await;
    let browser = open(&alice, "en", LAPTOP);
    visit(&browser, &room_of(&alice, &bob));
    browser.finds("#composer");
    write(&browser, "for when you are back");
    browser.finds("li.mine .mark-held");
    browser.until("the words", "return document.querySelector('.mark-held').getAttribute('aria-label').includes('1')");
    menu(&browser, "for when you are back");
    browser.press("Where it is");
    browser.sees("A relay holds it");
    browser.press("Close");
    bob.start().await?;
    browser.finds("li.mine .mark-delivered");
    let last = alice.transcript(&bob)?.pop().unwrap();
    assert_eq!(alice.standing(last.message)?, Standing::Delivered);

    // Alice's node starts anew in the middle: the page says so, and goes on by itself once it has the new address.
    alice.stop().await;
    browser.sees("Your node does not answer.");
    alice.start().await?;
    browser.sees("Open your Tidings");
    enter(&browser, &alice);
    browser.sees("for when you are back");
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_speaks_the_language_of_the_browser_and_another_when_told() -> Result<()> {
    let mesh = Mesh::builder().people(["alice"]).interfaces().start().await?;
    let alice = mesh.person("alice");
    let browser = open(&alice, "zh-CN", PHONE);
    browser.sees("聊天");
    visit(&browser, "settings/look");
    browser.finds("#language");
    browser.js("const choice = document.getElementById('language'); choice.value = 'ar'; choice.dispatchEvent(new Event('change'))");
    browser.sees("اللغة");
    assert_eq!(browser.js("return [document.documentElement.dir, document.documentElement.lang]"), serde_json::json!(["rtl", "ar"]));
    visit(&browser, "chats");
    let is_right = "const face = document.querySelector('.row .avatar').getBoundingClientRect(); return face.left > innerWidth / 2";
    browser.until("faces at the right", is_right);
    // Everything is mirrored but what somebody wrote: each paragraph begins where its letters do.
    browser.click("tidings-chats .rows .row");
    browser.finds("#composer");
    browser.js("const field = document.getElementById('composer'); field.value = 'one\\nاثنان'; field.dispatchEvent(new Event('input')); field.form.requestSubmit()");
    browser.finds("li.mine .words-of");
    let mirrored = "const at = (one) => one.getBoundingClientRect(); const log = at(document.querySelector('.log')); const bubble = at(document.querySelector('li.mine .bubble')); const back = document.querySelector('.room-head .back .icon');
        return bubble.left - log.left < log.right - bubble.right && at(back).left > innerWidth / 2 && getComputedStyle(back).transform === 'matrix(-1, 0, 0, 1, 0, 0)'";
    assert_eq!(browser.js(mirrored), true);
    let sides = "const text = document.querySelector('li.mine .words-of').firstChild; const of = (from, to) => { const range = document.createRange(); range.setStart(text, from); range.setEnd(text, to); return range.getBoundingClientRect(); };
        const all = document.querySelector('li.mine .words-of').parentElement.getBoundingClientRect(); return [of(0, 3).left - all.left, all.right - of(4, 9).right]";
    assert!(browser.js(sides).as_array().unwrap().iter().all(|gap| gap.as_f64().unwrap() < 40.0), "{}", browser.js(sides));
    visit(&browser, "chats");
    browser.reload();
    browser.sees("المحادثات");
    mesh.stop().await;
    Ok(())
}

/// Moves the focus on until it is on something that says this.
pub(crate) fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..40 {
        if browser.js(&format!("return document.activeElement.matches('{selector}')")) == true {
            let seen = "const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1";
            assert_eq!(browser.js(seen), true, "the focus on {selector} is not seen");
            return;
        }
        browser.keys(TAB);
    }
    panic!("the keyboard does not come to {selector}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_does_everything() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    bob.send(&alice, "can you hear me?").await?;
    mesh.settle().await?;
    let browser = open(&alice, "en", LAPTOP);
    browser.sees("can you hear me?");
    tab_to(&browser, &format!("a.row[href=\"#/{}\"]", room_of(&alice, &bob)));
    browser.keys(ENTER);
    browser.until("the composer", "return document.activeElement.id === 'composer'");
    browser.keys(UP);
    browser.until("a message", "return document.activeElement.matches('li.message')");
    browser.keys(ENTER);
    browser.finds("dialog.menu[open]");
    browser.until("the first reaction", "return document.activeElement.matches('.emoji')");
    browser.keys(ENTER);
    browser.finds("li.theirs .pill-mine");
    tab_to(&browser, "#composer");
    browser.keys("loud and clear");
    browser.keys(ENTER);
    browser.sees("loud and clear");
    mesh.settle().await?;
    assert_eq!(bob.transcript(&alice)?.pop().unwrap().text, "loud and clear");
    mesh.stop().await;
    Ok(())
}

/// A picture of one colour, without a library: PNG with stored deflate blocks (RFC 1950, 1951, 2083).
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let sum = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(!0_u32, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())))
    };
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &body, &(!sum(&body)).to_be_bytes()].concat()
    };
    let rows: Vec<u8> = (0..height).flat_map(|_| std::iter::once(0).chain((0..width).flat_map(|_| [30, 140, 120]))).collect();
    let (low, high) =
        rows.iter().fold((1_u32, 0_u32), |(low, high), byte| ((low + u32::from(*byte)) % 65_521, (high + low + u32::from(*byte)) % 65_521));
    let length = u16::try_from(rows.len()).unwrap();
    let stream = [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &rows, &((high << 16) | low).to_be_bytes()].concat();
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"IDAT", &stream), chunk(b"IEND", &[])].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_and_a_voice_note_arrive() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let (one, other) = (open(&alice, "en", PHONE), open(&bob, "en", LAPTOP));
    visit(&one, &room_of(&alice, &bob));
    visit(&other, &room_of(&bob, &alice));
    let file = alice.data().join("lake.png");
    std::fs::write(&file, picture(120, 80))?;
    one.finds("#composer");
    one.choose("input[type=file]", file.to_str().unwrap());
    one.fill("#caption", "the lake this morning");
    one.press_in("dialog .primary");
    other.sees("the lake this morning");
    other.until(
        "the picture",
        "const image = document.querySelector('.photo img'); return Boolean(image?.complete && image.naturalWidth > 0)",
    );
    other.click(".photo");
    other.until(
        "the whole picture",
        "const image = document.querySelector('.viewer img'); return Boolean(image?.complete && image.naturalWidth === 120)",
    );
    other.keys(super::driver::ESCAPE);

    // Chromium's own microphone beeps.
    one.press("Record a voice note");
    one.until("a second of sound", "return document.querySelector('.recording time')?.innerText >= '0:01'");
    one.press("Stop and listen");
    one.press_in(".recording .send");
    other.finds("li.theirs audio");
    other.js("document.querySelector('li.theirs audio').play()");
    other.until("sound that plays", "return document.querySelector('li.theirs audio').currentTime > 0.2");
    one.press("Record a voice note");
    one.finds(".recording");
    one.keys(super::driver::ESCAPE);
    one.until("no recording", "return !document.querySelector('.recording')");
    assert_eq!((one.log(), other.log()), (Vec::new(), Vec::new()), "the console is quiet");
    mesh.stop().await;
    Ok(())
}
