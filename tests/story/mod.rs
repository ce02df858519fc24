//! Stories: whole nodes with real cryptography in a world that the story owns.

mod back;
mod clock;
mod flood;
mod hostile;
mod hunt;
mod later;
mod meeting;
mod storm;
mod world;
