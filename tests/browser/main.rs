//! The web app in a real browser, over real nodes. `scripts/browser` installs what it needs, and runs it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)] // A test that fails says where; it starts a browser.

mod driver;
mod feature;
mod first;
mod measure;
mod media;
mod pictures;
mod safety;
mod screens;
mod story;
mod world;

use tidings::mesh::Person;

use self::driver::Browser;

/// A phone, and a laptop.
pub(crate) const PHONE: (u32, u32) = (390, 844);
pub(crate) const LAPTOP: (u32, u32) = (1280, 800);

/// A browser in which this person's app is open, past the first run.
pub(crate) fn open(person: &Person, language: &str, size: (u32, u32)) -> Browser {
    let browser = Browser::start(language, size, &[]);
    enter(&browser, person);
    browser
}

/// Opens a person's app in a browser, past the first run.
pub(crate) fn enter(browser: &Browser, person: &Person) {
    let access = person.access().unwrap();
    browser.go(&format!("{}/icon.svg", access.url));
    browser.js("localStorage.setItem('welcomed', 'yes')");
    browser.go(&access.link());
    browser.finds("tidings-chats .row");
}

/// Goes to a place of the app.
pub(crate) fn visit(browser: &Browser, place: &str) {
    browser.js(&format!("location.hash = '#/{place}'"));
}

/// What this person sees as the room with another, by its address.
pub(crate) fn room_of(person: &Person, other: &Person) -> String {
    format!("room/{}", person.room(other).unwrap())
}
