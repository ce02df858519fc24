//! Rooms with real MLS, in a small world in memory.

#![allow(clippy::print_stdout)] // what a hunt did, and the trace of a seed, are for a person to read

mod hunt;
mod story;
mod world;
