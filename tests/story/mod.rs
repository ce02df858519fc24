//! Stories: whole nodes with real cryptography in a world that the story owns.

mod bounds;
mod flood;
mod hostile;
mod hunt;
mod judge;
mod meeting;
mod member;
mod storm;
mod world;
