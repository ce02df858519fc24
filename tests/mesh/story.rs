//! What becomes of messages between real nodes when things go wrong between them.

use std::time::Duration;

use tidings::mesh::{Line, Link, Mesh, Person, Result, Standing};
use tidings::types::{MessageId, Table, View as _};

/// Both sides have the same, each message once, and these among them.
fn same_transcript(one: &Person, other: &Person, sent: &[MessageId]) -> Result<Vec<Line>> {
    let (here, there) = (one.transcript(other)?, other.transcript(one)?);
    assert_eq!(here, there, "the transcripts differ");
    let mut ids: Vec<MessageId> = here.iter().map(|line| line.message).collect();
    assert!(sent.iter().all(|message| ids.contains(message)), "a message is lost");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), here.len(), "a message is there twice");
    Ok(here)
}

async fn send_many(from: &Person, to: &Person, count: usize, what: &str) -> Result<Vec<MessageId>> {
    let mut sent = Vec::new();
    for number in 1..=count {
        sent.push(from.send(to, &format!("{} {what} {number}", from.name())).await?);
    }
    Ok(sent)
}

fn all_stand(person: &Person, messages: &[MessageId], standing: Standing) -> Result<()> {
    for message in messages {
        assert_eq!(person.standing(*message)?, standing);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_meet_and_talk() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    let question = alice.send(&bob, "are you there?").await?;
    mesh.settle().await?;
    assert_eq!(alice.standing(question)?, Standing::Delivered);
    bob.read(&alice).await?;
    alice.until_standing(question, Standing::Read).await?;
    let answer = bob.send(&alice, "always").await?;
    mesh.settle().await?;
    let texts: Vec<String> = same_transcript(&alice, &bob, &[question, answer])?.into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["are you there?", "always"]);
    mesh.stop().await;
    Ok(())
}

/// The way goes silent, as when a cable is pulled: nobody is told, and both write on until after their timeouts.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_longer_than_the_timeouts_heals() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).patience(Duration::from_secs(120)).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;

    mesh.silence(&alice, &bob);
    let mut sent = send_many(&alice, &bob, 10, "before the timeout").await?;
    sent.extend(send_many(&bob, &alice, 10, "before the timeout").await?);
    alice.until_apart(&bob).await?;
    bob.until_apart(&alice).await?;
    let after = send_many(&alice, &bob, 10, "after the timeout").await?;
    all_stand(&alice, &after, Standing::Waiting)?;
    sent.extend(after);
    sent.extend(send_many(&bob, &alice, 10, "after the timeout").await?);

    mesh.heal();
    mesh.settle().await?;
    assert_eq!(same_transcript(&alice, &bob, &sent)?.len(), 40);
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friend_who_is_away_finds_everything_at_the_relay() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).relays(1).start().await?;
    let (alice, bob, relay) = (mesh.person("alice"), mesh.person("bob"), mesh.relay(0));
    alice.meet(&bob).await?;
    bob.join(&relay).await?;
    mesh.settle().await?;

    bob.kill().await;
    let sent = send_many(&alice, &bob, 30, "while you were away").await?;
    mesh.settle().await?;
    all_stand(&alice, &sent, Standing::Held)?;
    relay.kill().await;
    relay.start().await?;
    alice.stop().await;
    bob.start().await?;
    mesh.settle().await?;
    let texts = bob.transcript(&alice)?;
    assert_eq!(texts.iter().map(|line| line.message).collect::<Vec<_>>(), sent, "in order, each once, with Alice away");

    alice.start().await?;
    mesh.settle().await?;
    all_stand(&alice, &sent, Standing::Delivered)?;
    same_transcript(&alice, &bob, &sent)?;
    mesh.stop().await;
    Ok(())
}

/// Bob has no mailbox at all, and the two are never up together: Alice's own mailbox goes on trying for her.
#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_goes_on_trying_for_who_wrote() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).relays(1).start().await?;
    let (alice, bob, relay) = (mesh.person("alice"), mesh.person("bob"), mesh.relay(0));
    alice.meet(&bob).await?;
    alice.join(&relay).await?;
    mesh.settle().await?;

    bob.stop().await;
    let message = alice.send(&bob, "good night").await?;
    alice.until_standing(message, Standing::Held).await?;
    assert_eq!(alice.custody(message)?.held_by, [relay.peer()]);
    alice.stop().await;
    bob.start().await?;
    bob.until_message(message).await?;
    alice.start().await?;
    alice.until_standing(message, Standing::Delivered).await?;
    same_transcript(&alice, &bob, &[message])?;
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_mailboxes_one_is_destroyed() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob", "carol"]).relays(1).start().await?;
    let (alice, bob, carol, relay) = (mesh.person("alice"), mesh.person("bob"), mesh.person("carol"), mesh.relay(0));
    alice.meet(&bob).await?;
    bob.meet(&carol).await?;
    bob.join(&relay).await?;
    bob.ask(&carol).await?;
    mesh.settle().await?;

    bob.stop().await;
    let sent = send_many(&alice, &bob, 10, "in two copies").await?;
    mesh.settle().await?;
    for message in &sent {
        assert_eq!(alice.custody(*message)?.held_by.len(), 2, "two copies are wanted");
    }
    relay.destroy().await?;
    alice.stop().await;
    bob.start().await?;
    mesh.settle().await?;
    assert_eq!(bob.transcript(&alice)?.len(), sent.len());
    alice.start().await?;
    mesh.settle().await?;
    all_stand(&alice, &sent, Standing::Delivered)?;
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_kills_on_both_sides() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).relays(1).start().await?;
    let (alice, bob, relay) = (mesh.person("alice"), mesh.person("bob"), mesh.relay(0));
    alice.meet(&bob).await?;
    bob.join(&relay).await?;
    alice.join(&relay).await?;
    mesh.settle().await?;

    let mut sent = Vec::new();
    for round in 0..6 {
        let victim = [&bob, &alice, &relay][round % 3];
        sent.extend(send_many(&alice, &bob, 5, &format!("round {round}")).await?);
        sent.extend(send_many(&bob, &alice, 5, &format!("round {round}")).await?);
        victim.kill().await;
        for writer in [&alice, &bob].into_iter().filter(|writer| writer.is_up()) {
            let other = if writer.name() == "alice" { &bob } else { &alice };
            sent.extend(send_many(writer, other, 3, &format!("in round {round}, after the kill")).await?);
        }
        victim.start().await?;
    }
    mesh.settle().await?;
    let lines = same_transcript(&alice, &bob, &sent)?;
    assert_eq!(lines.len(), sent.len());
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_only_takes_longer() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.slow(&alice, &bob, Duration::from_millis(150), 40_000);
    let mut sent = send_many(&alice, &bob, 20, "over a satellite").await?;
    sent.extend(send_many(&bob, &alice, 20, "over a satellite").await?);
    mesh.settle().await?;
    assert_eq!(same_transcript(&alice, &bob, &sent)?.len(), 40);
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_again_and_again_lose_nothing() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    let text = "x".repeat(1_000);
    for trouble in [Link { reset_after: Some(30_000), ..Link::default() }, Link { lose_after: Some(30_000), ..Link::default() }] {
        mesh.link(&alice, &bob, trouble);
        for _ in 0..40 {
            alice.send(&bob, &text).await?;
            bob.send(&alice, &text).await?;
        }
    }
    mesh.heal();
    mesh.settle().await?;
    assert_eq!(same_transcript(&alice, &bob, &[])?.len(), 160);
    mesh.stop().await;
    Ok(())
}

/// One direction only: Alice is heard, and hears nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_works_in_one_direction_only_shows_nothing_untrue() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    mesh.settle().await?;
    mesh.link_one_way(&bob, &alice, Link { flow: tidings::mesh::Flow::Silent, ..Link::default() });
    let message = alice.send(&bob, "can you hear me?").await?;
    bob.until_message(message).await?;
    assert_eq!(alice.standing(message)?, Standing::Waiting, "no receipt has come");
    mesh.heal();
    alice.until_standing(message, Standing::Delivered).await?;
    same_transcript(&alice, &bob, &[message])?;
    mesh.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_makes_itself_known() -> Result<()> {
    let mesh = Mesh::builder().people(["alice"]).relays(1).start().await?;
    let (alice, relay) = (mesh.person("alice"), mesh.relay(0));
    alice.join(&relay).await?;
    let store = alice.handle()?.store().clone();
    for _ in 0..200 {
        if store.get(Table::Relay, &relay.peer().0).is_some() {
            mesh.stop().await;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("alice never hears of the relay");
}
