//! Against real servers that nobody here wrote. Each test needs its server set up by a script beside it and is ignored
//! without it.

mod llama_server;
