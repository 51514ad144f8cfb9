//! One behaviour per module, on whole sessions over a channel in memory with a clock of its own.

mod talk;
mod world;
