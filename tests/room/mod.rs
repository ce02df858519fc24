//! Rooms with real MLS, in a small world in memory.

mod hunt;
mod story;
mod world;
