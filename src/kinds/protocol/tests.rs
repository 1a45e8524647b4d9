//! What holds for all protocols together.

mod splits;
