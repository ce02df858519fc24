//! Tests of `room`.
