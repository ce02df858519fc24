//! Tests of `story`.
