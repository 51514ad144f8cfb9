//! Explicit-state check of the server order and the rules around it. See `docs/model-check.md`.

mod divided;
mod group;
mod honest;
mod ids;
mod member;
mod order;
mod packet;
mod runs;
mod search;

pub use divided::{Divided, Lies};
pub use group::Group;
pub use honest::{Action, Budget, Honest, Scene, State};
pub use member::{PassedOver, Rules};
pub use runs::{Channel, KNOWN, LARGE, Run, SMALL};
pub use search::{Ask, Found, Model, Progress, Way, search};
