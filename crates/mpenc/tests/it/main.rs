//! One behaviour per module, on whole sessions over a channel in memory with a clock of its own.

mod change;
mod dropout;
mod late;
mod part;
mod races;
mod talk;
mod world;
