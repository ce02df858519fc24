//! How every screen looks, for people who look at it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tidings::mesh::Result;

use super::driver::Browser;
use super::screens::{every_beginning, every_screen};
use super::world::World;
use super::{LAPTOP, PHONE, enter};

/// `scripts/screenshots` runs this by name.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes pictures to be looked at; it judges nothing"]
async fn pictures_of_every_screen() -> Result<()> {
    let named = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing: scripts/screenshots sets it"));
    let folder = PathBuf::from(named("TIDINGS_SCREENSHOTS"));
    let languages = named("TIDINGS_LANGUAGES");
    fs::create_dir_all(&folder)?;
    let world = World::lived_in().await?;
    for language in languages.split(' ') {
        let browser = Browser::start(language, PHONE, &[]);
        world.tell_times(&browser);
        for (size, device) in [(PHONE, "phone"), (LAPTOP, "laptop")] {
            for (is_dark, theme) in [(false, "light"), (true, "dark")] {
                browser.show_as(size, is_dark, size == PHONE);
                let mut keep = |name: &str| {
                    browser.js("document.getAnimations().forEach((one) => one.finish()); document.querySelector('.toast')?.remove()");
                    std::thread::sleep(SETTLE);
                    fs::write(folder.join(format!("{language}-{device}-{theme}-{name}.png")), browser.picture()).unwrap();
                };
                every_beginning(&browser, &world, &mut keep).await?;
                enter(&browser, &world.alice);
                every_screen(&browser, &world, &mut keep).await?;
            }
        }
    }
    world.mesh.stop().await;
    Ok(())
}

/// How long a page is left alone before its picture is taken.
const SETTLE: Duration = Duration::from_millis(120);
