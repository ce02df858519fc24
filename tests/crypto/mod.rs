//! Tests of `crypto`.
