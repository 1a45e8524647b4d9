//! Bytes and stamps: connections, TLS, HTTP. Does not know what bytes mean; stamps them before anyone looks.
