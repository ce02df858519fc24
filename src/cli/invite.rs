//! `tidings invite`: a link with which a friend reaches this person.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use super::Context;
use super::failure::Failure;
use super::time::parse_duration;
use crate::api::body::{Link, NewInvite};
use crate::types::Millis;

/// A link with which a friend reaches you.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show it as a QR code too
    #[arg(long)]
    qr: bool,
    /// How long it is good for, such as 12h or 7d [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    expires: Option<Millis>,
    /// Make a link for everyone: whoever uses it asks, and you decide
    #[arg(long, conflicts_with = "expires")]
    public: bool,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let new = NewInvite { ttl_ms: self.expires, public: self.public };
        let link: Link = context.client()?.post("/api/v1/invite", &new)?;
        if context.out.is_json() {
            return context.out.object(&link);
        }
        if self.qr {
            match qr(&link.link) {
                Some(code) => context.out.text(&code)?,
                None => super::out::remark("the link is too long for a QR code: send it as text"),
            }
        }
        context.out.text(&link.link)?;
        super::out::remark(if self.public {
            "everyone with this link can ask to be your contact; answer with `tidings contact accept NAME`"
        } else {
            "give this link to one person, who uses it with `tidings contact add LINK`; it is good once"
        });
        Ok(())
    }
}

/// The link as a picture for a terminal, light on dark as well as dark on light.
fn qr(link: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}
