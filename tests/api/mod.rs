//! Tests of `api`, and of the reader that answers it.

mod document;
mod guard;
mod live;
mod reader;
mod resolve;
