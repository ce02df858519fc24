//! Real nodes, real sockets on loopback, real kills.

mod net;
