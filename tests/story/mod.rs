//! Stories: whole nodes with real cryptography in a world that the story owns.

mod back;
mod bounds;
mod clock;
mod flood;
mod hostile;
mod hunt;
mod judge;
mod later;
mod lost;
mod media;
mod meeting;
mod member;
mod past;
mod storm;
mod world;
