//! `tidings contact`: meet people.

use super::Context;
use super::client::segment;
use super::failure::Failure;
use super::out::escape_line;
use super::show;
use crate::api::body::{NewContact, NewName, Verify};
use crate::store::reader::view::Contact;

/// Meet people.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Ask the owner of a link to be your contact
    Add {
        /// The link: tidings:…
        link: String,
        /// What to call them [default: what they call themselves]
        #[arg(long)]
        name: Option<String>,
        /// A few words for them
        #[arg(long, default_value = "", hide_default_value = true)]
        greeting: String,
    },
    /// Everyone you know, and who asks to know you
    List,
    /// Say yes to somebody who asks
    Accept {
        /// Their name, or the start of their id
        contact: String,
    },
    /// Say no to somebody who asks
    Decline {
        /// Their name, or the start of their id
        contact: String,
    },
    /// Take nothing from somebody any more
    Block {
        /// Their name, or the start of their id
        contact: String,
    },
    /// Take from them again
    Unblock {
        /// Their name, or the start of their id
        contact: String,
    },
    /// Call somebody something else
    Rename {
        /// Their name, or the start of their id
        contact: String,
        /// The new name
        name: String,
    },
    /// Show the words to compare with somebody, and remember that they agreed
    Verify {
        /// Their name, or the start of their id
        contact: String,
        /// The words agree: both of you saw or heard the same
        #[arg(long)]
        agreed: bool,
        /// Forget that they agreed
        #[arg(long, conflicts_with = "agreed")]
        forget: bool,
    },
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        let change =
            |contact: &str, verb: &str| client.post::<Contact>(&format!("/api/v1/contacts/{}/{verb}", segment(contact)), &Nothing {});
        let contact = match self.action {
            Action::List => return list(context, client.get("/api/v1/contacts")?),
            Action::Verify { contact, agreed, forget } => {
                let path = format!("/api/v1/contacts/{}", segment(&contact));
                let contact = match agreed || forget {
                    true => client.post(&format!("{path}/verify"), &Verify { agreed })?,
                    false => client.get(&path)?,
                };
                return verify(context, &contact);
            }
            Action::Add { link, name, greeting } => client.post("/api/v1/contacts", &NewContact { link, name, greeting })?,
            Action::Accept { contact } => change(&contact, "accept")?,
            Action::Decline { contact } => change(&contact, "decline")?,
            Action::Block { contact } => {
                let contact = change(&contact, "block")?;
                let undo = context.command(&format!("contact unblock {}", super::out::short(&contact.account)));
                return context.out.answer(&contact, || format!("{} Undo it with `{undo}`.", show::contact_line(&contact)));
            }
            Action::Unblock { contact } => change(&contact, "unblock")?,
            Action::Rename { contact, name } => {
                client.post(&format!("/api/v1/contacts/{}/rename", segment(&contact)), &NewName { name })?
            }
        };
        context.out.answer(&contact, || show::contact_line(&contact))
    }
}

/// A request that says all in its address.
#[derive(serde::Serialize)]
struct Nothing {}

fn list(context: &mut Context, contacts: Vec<Contact>) -> Result<(), Failure> {
    if context.out.is_json() {
        return contacts.iter().try_for_each(|contact| context.out.object(contact));
    }
    if contacts.is_empty() {
        return context.out.text(&format!("Nobody yet: make a link for a friend with `{}`.", context.command("invite")));
    }
    context.out.table(&contacts.iter().map(show::contact_row).collect::<Vec<_>>())
}

fn verify(context: &mut Context, contact: &Contact) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.object(contact);
    }
    let name = escape_line(&contact.name);
    let words = contact.words.clone().unwrap_or_default();
    if contact.verified {
        return context.out.text(&format!("{words}\n\n{name} is verified: you compared these words, and they agreed."));
    }
    let advice = format!("Compare these words with {name}, face to face or in a call. If both of you have the same:");
    context.out.text(&format!("{words}\n\n{advice}\n  {}", context.command(&format!("contact verify {name} --agreed"))))
}
