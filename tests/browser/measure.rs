//! How quick the app is with a hundred thousand messages. By hand: it takes minutes to write them.

#![allow(clippy::print_stderr)] // Its numbers are what it is for.

use tidings::mesh::{Mesh, Result};
use tidings::node::Body;

use super::{LAPTOP, open, visit};

/// Messages in the room.
const MESSAGES: usize = 100_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes 100,000 messages first; its numbers belong to the machine"]
async fn a_room_of_a_hundred_thousand_messages() -> Result<()> {
    let mesh = Mesh::builder().people(["alice"]).interfaces().start().await?;
    let alice = mesh.person("alice");
    let room = tidings::store::reader::Reader::new(alice.handle()?.store(), alice.account(), 0).notes_room();
    for part in 0..MESSAGES / 500 {
        let some = (0..500).map(|number| {
            let text = format!("note {} — something that is worth a line or two of text, now and then", part * 500 + number);
            alice.send_body(room, Body::Text { text, reply: None })
        });
        futures::future::try_join_all(some).await?;
    }
    let browser = open(&alice, "en", LAPTOP);
    for _ in 0..5 {
        visit(&browser, "people");
        browser.finds("tidings-people");
        let opened = browser.js(&format!(
            "return new Promise((done) => {{ const from = performance.now(); location.hash = '#/room/{room}';
             const look = () => document.querySelector('li.message:last-child') ? requestAnimationFrame(() => done([performance.now() - from, performance.getEntriesByType('resource').findLast((one) => one.name.includes('/messages?')).duration])) : requestAnimationFrame(look); look(); }})"
        ));
        let (shown, asked) = (opened[0].as_f64().unwrap(), opened[1].as_f64().unwrap());
        eprintln!("the newest of {MESSAGES} messages after {shown:.0} ms, {asked:.0} of them until the node had answered");
    }
    let rate = browser.js(
        "return new Promise((done) => { const log = document.querySelector('.log'); const from = performance.now(); let frames = 0; let worst = 0; let last = from; const first = log.querySelector('li.message').dataset.id;
         const step = (now) => { frames += 1; worst = Math.max(worst, now - last); last = now; log.scrollTop -= 60; now - from < 5000 ? requestAnimationFrame(step) : done([frames / (now - from) * 1000, worst, log.querySelectorAll('li').length, first !== log.querySelector('li.message').dataset.id]); };
         requestAnimationFrame(step); })",
    );
    eprintln!("frames a second, longest frame in ms, lines on the page, whether earlier messages came: {rate}");
    assert_eq!(rate[3], true);
    mesh.stop().await;
    Ok(())
}
