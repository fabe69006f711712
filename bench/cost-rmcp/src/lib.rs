//! What rmcp with client and server over HTTP with TLS costs to build: a package that needs it and does nothing with it.
