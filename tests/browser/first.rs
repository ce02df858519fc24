//! The first minutes: by keyboard alone, with a stranger who asks, and with a node that stops in the middle.

use tidings::mesh::{Mesh, Result, Standing};
use tidings::node::{Command, Reply};

use super::driver::{Browser, ENTER};
use super::story::{tab_to, write};
use super::{LAPTOP, PHONE, enter, open, room_of, visit};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_run_to_a_sent_message_by_keyboard_alone() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    let invitation = bob.invite().await?;
    let browser = Browser::start("en", LAPTOP, &[]);
    browser.go(&alice.access().unwrap().link());
    browser.finds("#name");
    tab_to(&browser, "#name");
    browser.keys("Alice Okafor");
    browser.keys(ENTER);
    browser.finds(".choices");
    tab_to(&browser, ".choice:first-child");
    browser.keys(ENTER);
    browser.finds("tidings-add");
    tab_to(&browser, ".invite button");
    browser.keys(ENTER);
    browser.finds("svg.qr");
    browser.until("the link is copied next", "return document.activeElement.matches('.invite .button.primary')");
    tab_to(&browser, "#link");
    browser.keys(&invitation);
    tab_to(&browser, "#greeting");
    browser.keys("it is me");
    browser.keys(ENTER);
    browser.until("the composer", "return document.activeElement.id === 'composer'");
    browser.keys("written without a mouse");
    browser.keys(ENTER);
    browser.finds("li.mine .mark-delivered");
    assert_eq!(bob.transcript(&alice)?.pop().unwrap().text, "written without a mouse");
    let handle = bob.handle()?;
    let reader = tidings::store::reader::Reader::new(handle.store(), bob.account(), 0);
    assert_eq!(reader.contact(&alice.account()).unwrap().name, "Alice Okafor");
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_waits_apart_until_the_request_is_accepted() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "dave", "erin"]).interfaces().start().await?;
    let (alice, dave, erin) = (mesh.person("alice"), mesh.person("dave"), mesh.person("erin"));
    let browser = open(&alice, "en", PHONE);
    let Reply::Link(link) = alice.command(Command::Invite { ttl_ms: 0, public: true }).await? else { panic!("an invitation is a link") };
    for (person, words) in [(&dave, "we met at the library"), (&erin, "buy now, only today")] {
        let greeting = words.to_owned();
        person.command(Command::ContactAdd { link: link.clone(), name: None, greeting }).await?;
    }
    browser.sees("\u{2068}2\u{2069} people would like to reach you");
    assert_eq!(
        browser.js("return document.querySelectorAll('tidings-chats .rows .row').length"),
        1,
        "no chat of a stranger stands among mine"
    );
    browser.click(".tab-people");
    browser.sees("we met at the library");
    let answer = |name: &str, what: &str| {
        browser.js(&format!(
            "[...[...document.querySelectorAll('.asking')].find((one) => one.innerText.includes('{name}')).querySelectorAll('button')].find((one) => one.innerText === '{what}').click()"
        ))
    };
    answer("erin", "Decline");
    browser.until("erin is declined", "return document.querySelectorAll('.asking').length === 1");
    answer("dave", "Accept");
    browser.until("nobody asks", "return !document.querySelector('.asking') && document.querySelector('.tab-people .badge').hidden");
    browser.click(&format!("a.row[href=\"#/person/{}\"]", dave.account()));
    browser.press("Write a message");
    browser.finds("#composer");
    write(&browser, "of course I remember");
    browser.finds("li.mine .mark-delivered");
    assert_eq!(dave.transcript(&alice)?.pop().unwrap().text, "of course I remember");
    assert!(erin.room(&alice).is_err() || erin.transcript(&alice)?.is_empty());
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_in_the_middle_loses_no_word() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let browser = open(&alice, "en", PHONE);
    let room = room_of(&alice, &bob);
    visit(&browser, &room);
    browser.finds("#composer");
    write(&browser, "before the storm");
    browser.until("the shell", "return caches.open('tidings-shell').then((shell) => Promise.all(['/', '/js/main.js', '/text/en.ftl'].map((one) => shell.match(one)))).then((all) => all.every(Boolean))");
    browser.fill("#composer", "in the middle of it");
    alice.kill().await;
    browser.keys(ENTER);
    browser.sees("Your node does not answer.");
    browser.until("the reason beside the words", "return document.querySelector('.composer .trouble').innerText.length > 10");
    assert_eq!(browser.js("return document.getElementById('composer').value"), "in the middle of it");
    // A page that is loaded meanwhile says what is the matter, and not that everything is gone.
    browser.reload();
    browser.sees("Your node is resting");
    alice.start().await?;
    enter(&browser, &alice);
    visit(&browser, &room);
    browser.until("the draft", "return document.getElementById('composer')?.value === 'in the middle of it'");
    browser.sees("before the storm");
    browser.click("#composer");
    browser.keys(ENTER);
    browser.until("both delivered", "return document.querySelectorAll('li.mine :is(.mark-delivered, .mark-read)').length === 2");
    let texts: Vec<String> = bob.transcript(&alice)?.into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["before the storm", "in the middle of it"]);
    assert_eq!(alice.standing(alice.transcript(&bob)?.pop().unwrap().message)?, Standing::Delivered);
    mesh.stop().await;
    Ok(())
}
