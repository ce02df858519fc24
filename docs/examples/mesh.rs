//! Two people, a relay, and trouble: a whole mesh of real nodes in one process. `cargo run --example mesh`
//!
//! Bob is away when Alice writes. The relay holds her message, and its signed receipt says so. Then the way between the two is
//! cut while both are writing, and mended. In the end both have the same transcript.
#![allow(clippy::print_stdout)] // An example shows something.

use tidings::mesh::{Mesh, MeshError, Standing};

#[tokio::main]
async fn main() -> Result<(), MeshError> {
    let mesh = Mesh::builder().people(["alice", "bob"]).relays(1).start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));

    alice.meet(&bob).await?;
    bob.join(&mesh.relay(0)).await?;
    mesh.settle().await?;

    bob.kill().await;
    let message = alice.send(&bob, "while you were away").await?;
    mesh.settle().await?;
    assert_eq!(alice.standing(message)?, Standing::Held);

    bob.start().await?;
    mesh.settle().await?;
    assert_eq!(alice.standing(message)?, Standing::Delivered);

    mesh.cut(&alice, &bob);
    alice.send(&bob, "are you there?").await?;
    bob.send(&alice, "I do not hear you").await?;
    mesh.heal();
    mesh.settle().await?;

    for line in alice.transcript(&bob)? {
        let name = if line.from == alice.account() { "alice" } else { "bob" };
        println!("{name}: {}", line.text);
    }
    assert_eq!(alice.transcript(&bob)?, bob.transcript(&alice)?);
    mesh.stop().await;
    Ok(())
}
