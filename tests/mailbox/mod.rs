//! Tests of `mailbox`.
