//! Every screen: whether everybody can use it (axe-core), and how it looks.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tidings::mesh::{Mesh, Person, Result};
use tidings::node::Body;

use super::driver::{Browser, ESCAPE};
use super::{LAPTOP, PHONE, open, room_of, visit};

/// Alice, with something on each of her screens.
async fn lived_in() -> Result<(Mesh, Person, Person)> {
    let mesh = Mesh::builder().people(["alice", "bob", "carol", "dave"]).relays(1).interfaces().start().await?;
    let (alice, bob, carol, dave) = (mesh.person("alice"), mesh.person("bob"), mesh.person("carol"), mesh.person("dave"));
    alice.meet(&bob).await?;
    alice.meet(&carol).await?;
    alice.join(&mesh.relay(0)).await?;
    carol.join(&mesh.relay(0)).await?;
    mesh.settle().await?;
    alice.send(&bob, "Are you coming on Saturday?").await?;
    let place = alice.send(&bob, "We start at six, at the old bridge 🌞").await?;
    mesh.settle().await?;
    let room = bob.room(&alice)?;
    let text = "Yes! I bring the tea and my sister. Is there anything else you need?".to_owned();
    let answer = bob.send_body(room, Body::Text { text, reply: Some(place) }).await?;
    bob.send_body(room, Body::Reaction { target: place, emoji: "❤️".to_owned() }).await?;
    mesh.settle().await?;
    alice.send_body(room, Body::Reaction { target: answer, emoji: "👍".to_owned() }).await?;
    alice.read(&bob).await?;
    bob.read(&alice).await?;
    let way = "A blanket would be lovely. Here is the way: https://www.openstreetmap.org/#map=15/52.52/13.40";
    alice.send(&bob, way).await?;
    carol.send(&alice, "It arrived, thank you so much!").await?;
    carol.send(&alice, "The little one has not put it down since 😍").await?;
    let public = alice.command(tidings::node::Command::Invite { ttl_ms: 0, public: true }).await?;
    if let tidings::node::Reply::Link(link) = public {
        let greeting = "We met at the library on Tuesday".to_owned();
        dave.command(tidings::node::Command::ContactAdd { link, name: None, greeting }).await?;
    }
    mesh.settle().await?;
    carol.stop().await;
    alice.send(&carol, "That makes me happy").await?;
    mesh.settle().await?;
    Ok((mesh, alice, bob))
}

/// Name and address of each screen, and what has to be there before it is looked at.
fn screens(alice: &Person, bob: &Person) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("chats", "chats".to_owned(), "tidings-chats .row"),
        ("room", room_of(alice, bob), "li.message"),
        ("people", "people".to_owned(), "tidings-people .row"),
        ("person", format!("person/{}", bob.account()), ".words"),
        ("add", "add".to_owned(), ".invite"),
        ("settings", "settings".to_owned(), "tidings-settings .row"),
        ("profile", "settings/profile".to_owned(), "#own-name"),
        ("look", "settings/look".to_owned(), "#language"),
        ("notify", "settings/notify".to_owned(), ".card"),
        ("mail", "settings/mail".to_owned(), "#relay"),
        ("backup", "settings/backup".to_owned(), "#alone"),
        ("health", "settings/health".to_owned(), ".check"),
    ]
}

/// What is put over a screen by a press: name, screen, script, what comes.
const OVER: [(&str, &str, &str, &str); 3] = [
    ("menu", "room", "document.querySelector('li.mine .more').click()", "dialog.menu[open]"),
    (
        "custody",
        "room",
        "document.querySelector('li.mine .more').click(); [...document.querySelectorAll('dialog .act')].pop().click()",
        "dialog.sheet[open]",
    ),
    ("invite", "add", "document.querySelector('.invite button').click()", "svg.qr"),
];

fn every_screen(browser: &Browser, alice: &Person, bob: &Person, mut look: impl FnMut(&str)) {
    for (name, place, wanted) in screens(alice, bob) {
        visit(browser, &place);
        browser.finds(wanted);
        look(name);
        for (over, _, script, comes) in OVER.iter().filter(|(_, screen, ..)| *screen == name) {
            browser.js(script);
            browser.finds(comes);
            look(over);
            if comes.starts_with("dialog") {
                browser.keys(ESCAPE);
                browser.until("no sheet", "return !document.querySelector('dialog')");
            }
        }
    }
}

/// `scripts/browser` fetches axe-core, and says where it is.
fn axe() -> String {
    let path = std::env::var("TIDINGS_AXE").expect("TIDINGS_AXE names axe.min.js: scripts/browser sets it");
    fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_every_screen_in_both_themes() -> Result<()> {
    let axe = axe();
    let (mesh, alice, bob) = lived_in().await?;
    let browser = open(&alice, "en", PHONE);
    let rules = "return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((found) => found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 200) + ' ' + (node.any[0]?.message ?? node.all[0]?.message ?? '')).join(' | ')))";
    let mut bad = Vec::new();
    for (size, is_dark) in [(PHONE, false), (PHONE, true), (LAPTOP, false), (LAPTOP, true)] {
        browser.look(size, is_dark);
        every_screen(&browser, &alice, &bob, |name| {
            browser.js(&format!("if (!window.axe) {{ {axe} }} document.getAnimations().forEach((one) => one.finish())"));
            let found = browser.js(rules);
            bad.extend(found.as_array().into_iter().flatten().map(|one| format!("{name} {size:?} dark {is_dark}: {one}")));
        });
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));

    // 320 pixels, and letters of twice their size: nothing needs a sideways scroll.
    browser.look((320, 640), false);
    browser.js("document.documentElement.style.fontSize = '200%'");
    every_screen(&browser, &alice, &bob, |name| {
        let wide = browser.js("return document.documentElement.scrollWidth > innerWidth + 1 || [...document.querySelectorAll('.scroll, .log')].some((one) => one.offsetParent && one.scrollWidth > one.clientWidth + 1)");
        assert_eq!(wide, false, "{name} is wider than a narrow page");
    });
    mesh.stop().await;
    Ok(())
}

/// `scripts/screenshots` runs this by name.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes pictures to be looked at; it judges nothing"]
async fn pictures_of_every_screen() -> Result<()> {
    let folder =
        PathBuf::from(std::env::var("TIDINGS_SCREENSHOTS").expect("TIDINGS_SCREENSHOTS is the folder: scripts/screenshots sets it"));
    fs::create_dir_all(&folder)?;
    let (mesh, alice, bob) = lived_in().await?;
    for language in ["en", "zh-CN", "ar"] {
        let browser = open(&alice, language, PHONE);
        for (size, device) in [(PHONE, "phone"), (LAPTOP, "laptop")] {
            for (is_dark, theme) in [(false, "light"), (true, "dark")] {
                browser.look(size, is_dark);
                every_screen(&browser, &alice, &bob, |name| {
                    browser.js("return new Promise((done) => setTimeout(() => done(true), 250))");
                    fs::write(folder.join(format!("{language}-{device}-{theme}-{name}.png")), browser.picture()).unwrap();
                });
            }
        }
        assert_eq!(browser.js("return 1"), Value::from(1));
    }
    let stranger = mesh.person("dave").access().unwrap();
    for language in ["en", "zh-CN", "ar"] {
        let browser = Browser::start(language, PHONE, &[]);
        browser.go(&stranger.url);
        browser.finds("#address");
        fs::write(folder.join(format!("{language}-phone-light-locked.png")), browser.picture())?;
    }
    mesh.stop().await;
    Ok(())
}
