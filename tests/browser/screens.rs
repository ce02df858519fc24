//! Every screen, and whether everybody can use it (axe-core).

use std::fs;

use tidings::mesh::Result;

use super::driver::{Browser, ESCAPE};
use super::world::{BUDI, JING, JOSE, LAYLA, MIA, NINA, PRIZES, TOMAS, World};
use super::{LAPTOP, PHONE, enter, open, visit};

/// A place of the app.
pub(crate) struct Screen {
    name: &'static str,
    place: String,
    /// What has to be there before it is looked at.
    wanted: &'static str,
    over: &'static [Over],
}

/// What a press puts over a screen.
struct Over {
    name: &'static str,
    script: &'static str,
    comes: &'static str,
    /// What brings the screen back; Escape, when it is empty.
    away: &'static str,
}

const fn over(name: &'static str, script: &'static str, comes: &'static str, away: &'static str) -> Over {
    Over { name, script, comes, away }
}

const CHATS: &[Over] = &[
    over(
        "search",
        "const field = document.querySelector('#search-all'); field.value = 'the'; field.dispatchEvent(new Event('input'))",
        "tidings-chats .rows-title",
        "const field = document.querySelector('#search-all'); field.value = ''; field.dispatchEvent(new Event('input'))",
    ),
    over(
        "search-none",
        "const field = document.querySelector('#search-all'); field.value = 'zeppelin'; field.dispatchEvent(new Event('input'))",
        "tidings-chats .empty",
        "const field = document.querySelector('#search-all'); field.value = ''; field.dispatchEvent(new Event('input'))",
    ),
];

const ROOM: &[Over] = &[
    over("menu", "[...document.querySelectorAll('li.mine .more')].at(-1).click()", "dialog.menu[open]", ""),
    over("menu-theirs", "document.querySelector('li.theirs .more').click()", "dialog.menu[open]", ""),
    over(
        "custody",
        "document.querySelector('li.mine .more').click(); [...document.querySelectorAll('dialog .act')].pop().click()",
        "dialog.sheet[open]",
        "",
    ),
    over(
        "recall",
        "[...document.querySelectorAll('li.mine .more')].at(-1).click(); document.querySelector('dialog .act.danger').click()",
        "dialog.sheet[open]",
        "",
    ),
    over(
        "reply",
        "[...document.querySelectorAll('li.theirs .more')].at(-1).click(); document.querySelector('dialog .act').click()",
        ".context:not([hidden])",
        "document.querySelector('.context button').click()",
    ),
    over("emoji", "document.querySelector('.smile').click()", ".picker:not([hidden])", "document.querySelector('.smile').click()"),
    over(
        "find",
        "document.querySelector('.room-head button').click(); const field = document.getElementById('search-room'); field.value = 'the'; field.dispatchEvent(new Event('input'))",
        ".results .row",
        "document.querySelector('.room-head button').click()",
    ),
    over("viewer", "document.querySelector('.photo').click()", ".viewer img", ""),
    over("viewer-film", "document.querySelector('.photo:has(.icon-play)').click()", ".viewer video", ""),
    over("attach-menu", "document.querySelector('.write .icon-attach').closest('button').click()", "dialog.menu[open]", ""),
    over(
        "camera",
        "document.querySelector('.write .icon-attach').closest('button').click(); document.querySelector('dialog .icon-camera').closest('button').click()",
        ".shutter",
        "",
    ),
    over(
        "attach",
        "const bytes = (data) => Uint8Array.from(atob(data), (one) => one.charCodeAt(0)); const file = (seed) => new File([bytes(paint(seed, 640, 480))], `IMG_${2040 + seed}.jpg`, { type: 'image/jpeg' });
         document.querySelector('tidings-room').composer.attach([file(1), file(2), new File(['paper'], 'Programme of the concert on Saturday evening in the old town hall.pdf', { type: 'application/pdf' })])",
        "dialog #caption",
        "",
    ),
    over("recording", "document.querySelector('.mic').click()", ".recording", ""),
    over("heard", "document.querySelector('.mic').click()", ".recording audio", ""),
];

const AWAY: &[Over] = &[over(
    "custody-held",
    "[...document.querySelectorAll('li.mine .more')].at(-1).click(); [...document.querySelectorAll('dialog .act')].pop().click()",
    "dialog.sheet[open]",
    "",
)];

const LONG: &[Over] = &[over(
    "far-up",
    "document.querySelector('.log').scrollTop = 900",
    ".newest:not([hidden])",
    "document.querySelector('.newest').click()",
)];

const PERSON: &[Over] = &[over("block", "document.querySelector('.button.danger').click()", "dialog.sheet[open]", "")];

const ADD: &[Over] = &[
    over("scan", "[...document.querySelectorAll('tidings-add form button')][0].click()", ".viewer-words", ""),
    over("invite", "document.querySelector('.invite button').click()", "svg.qr", "location.hash = '#/people'"),
];

const BACKUP: &[Over] = &[over(
    "phrase",
    "document.getElementById('alone').click(); document.querySelector('#alone').closest('section').querySelector('button').click()",
    ".words li",
    "location.hash = '#/settings'",
)];

/// Each screen of Alice's app.
fn screens(world: &World) -> Vec<Screen> {
    let screen = |name, place: &str, wanted, over| Screen { name, place: place.to_owned(), wanted, over };
    let room = |name, with, wanted, over| Screen { name, place: format!("room/{}", world.room(with)), wanted, over };
    let person = |name, who, over| Screen { name, place: format!("person/{}", world.person(who).account()), wanted: ".words", over };
    let notes = tidings::store::reader::Reader::new(world.alice.handle().unwrap().store(), world.alice.account(), 0).notes_room();
    vec![
        screen("chats", "chats", "tidings-chats .row", CHATS),
        room("room", MIA, "li.message", ROOM),
        room("room-chinese", JING, "li.message", &[]),
        room("room-arabic", LAYLA, "li.message", &[]),
        room("room-long", BUDI, ".divider", LONG),
        room("room-away", JOSE, ".mark-held", AWAY),
        room("room-voice", "Oma Ruth", "li.message", &[]),
        room("room-file", "Zoë Lindqvist", "li.message", &[]),
        room("room-asked", TOMAS, ".log-empty", &[]),
        room("room-blocked", PRIZES, ".closed", &[]),
        Screen { name: "notes", place: format!("room/{notes}"), wanted: "li.message", over: &[] },
        screen("no-room", "room/00", ".empty", &[]),
        screen("people", "people", "tidings-people .row", &[]),
        person("person", MIA, PERSON),
        person("person-asking", "Daniel Cho", &[]),
        person("person-blocked", PRIZES, &[]),
        screen("add", "add", ".invite", ADD),
        screen("settings", "settings", "tidings-settings .row", &[]),
        screen("profile", "settings/profile", "#own-name", &[]),
        screen("look", "settings/look", "#language", &[]),
        screen("notify", "settings/notify", ".card", &[]),
        screen("mail", "settings/mail", "#relay", &[]),
        screen("space", "settings/space", ".card", &[]),
        screen("devices", "settings/devices", ".card", &[]),
        screen("backup", "settings/backup", "#alone", BACKUP),
        screen("health", "settings/health", ".check", &[]),
    ]
}

/// Goes through every screen, and what a press puts over it.
pub(crate) async fn every_screen(browser: &Browser, world: &World, mut look: impl FnMut(&str)) -> Result<()> {
    for text in ["Aku sudah di stasiun, keretanya tepat waktu!", "Sampai jumpa sebentar lagi 🚲"] {
        let message = world.person(BUDI).send(&world.alice, text).await?;
        world.alice.until_message(message).await?;
    }
    for screen in screens(world) {
        visit(browser, &screen.place);
        browser.finds(screen.wanted);
        browser.until("the pictures", "return [...document.images].every((one) => one.complete)");
        look(screen.name);
        for over in screen.over {
            put_over(browser, over);
            look(over.name);
            take_away(browser, over);
        }
    }
    Ok(())
}

fn put_over(browser: &Browser, over: &Over) {
    browser.js(&format!("{} {}", super::world::SCENE, over.script));
    match over.name {
        "recording" => browser.until("a second of sound", "return document.querySelector('.recording time')?.innerText >= '0:01'"),
        "heard" => {
            browser.until("sound", "return document.querySelector('.recording time')?.innerText >= '0:01'");
            browser.js("document.querySelector('.recording .icon-stop').closest('button').click()");
            browser.finds(over.comes);
        }
        _ => browser.finds(over.comes),
    }
}

fn take_away(browser: &Browser, over: &Over) {
    match (over.name, over.away) {
        ("recording" | "heard", _) => {
            browser.js("document.querySelector('.recording .icon-recall').closest('button').click()");
            browser.until("no recording", "return !document.querySelector('.recording')");
        }
        (_, "") => {
            browser.keys(ESCAPE);
            browser.until("no sheet", "return !document.querySelector('dialog')");
        }
        (_, away) => drop(browser.js(away)),
    }
}

/// What is there before the chats, and while there is nothing: on Nina's node, which is stopped at the end.
pub(crate) async fn every_beginning(browser: &Browser, world: &World, mut look: impl FnMut(&str)) -> Result<()> {
    let nina = world.person(NINA);
    let access = nina.access().unwrap();
    browser.go(&access.url);
    browser.finds("#address");
    // The port stays the same, and with it what the browser keeps for it.
    browser.js("localStorage.clear()");
    look("locked");
    browser.go(&access.link());
    browser.finds("#name");
    look("welcome");
    browser.press_in(".welcome .primary");
    browser.finds(".choices");
    look("welcome-next");
    browser.click(".choice:nth-child(2)");
    browser.finds("#composer");
    look("notes-empty");
    visit(browser, "chats");
    browser.finds("tidings-chats .request");
    look("chats-empty");
    visit(browser, "people");
    browser.finds("tidings-people .empty");
    look("people-empty");
    browser.until("the shell", "return navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)");
    browser.reload();
    browser.finds("tidings-people .empty");
    nina.stop().await;
    browser.until("the bar", "return document.getElementById('offline').hidden === false");
    look("offline");
    browser.reload();
    browser.finds(".welcome .primary");
    look("stopped");
    nina.start().await
}

/// `scripts/browser` fetches axe-core, and says where it is.
fn axe() -> String {
    let path = std::env::var("TIDINGS_AXE").expect("TIDINGS_AXE names axe.min.js: scripts/browser sets it");
    fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_every_screen_in_both_themes() -> Result<()> {
    let axe = axe();
    let world = World::lived_in().await?;
    let browser = open(&world.alice, "en", PHONE);
    // How things are built does not depend on the theme, and colours do.
    let rules = |which: &str| {
        format!(
            "return axe.run(document, {{ runOnly: {which}, resultTypes: ['violations'] }}).then((found) => found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 200) + ' ' + (node.any[0]?.message ?? node.all[0]?.message ?? '')).join(' | ')))"
        )
    };
    let (all, colours) = (rules("['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"), rules("['color-contrast']"));
    let mut bad = Vec::new();
    for size in [PHONE, LAPTOP] {
        let mut judge = |name: &str| {
            browser.js(&format!("if (!window.axe) {{ {axe} }}"));
            for (is_dark, rules) in [(true, &colours), (false, &all)] {
                browser.look(size, is_dark);
                browser.js("document.getAnimations().forEach((one) => one.finish())");
                let found = browser.js(rules);
                bad.extend(found.as_array().into_iter().flatten().map(|one| format!("{name} {size:?} dark {is_dark}: {one}")));
            }
        };
        every_beginning(&browser, &world, &mut judge).await?;
        enter(&browser, &world.alice);
        every_screen(&browser, &world, &mut judge).await?;
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));

    // 320 pixels, and letters of twice their size: nothing needs a sideways scroll.
    browser.look((320, 640), false);
    browser.js("document.documentElement.style.fontSize = '200%'");
    every_screen(&browser, &world, |name| {
        let wide = browser.js("return document.documentElement.scrollWidth > innerWidth + 1 || [...document.querySelectorAll('.scroll, .log')].some((one) => one.offsetParent && one.scrollWidth > one.clientWidth + 1)");
        assert_eq!(wide, false, "{name} is wider than a narrow page");
    })
    .await?;
    world.mesh.stop().await;
    Ok(())
}
