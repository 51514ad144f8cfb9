//! Explicit-state check of the server order and the rules around it. See `docs/model-check.md`.

mod agreement;
mod divided;
mod group;
mod honest;
mod ids;
mod member;
mod operation;
mod order;
mod packet;
mod runs;
mod scene;
mod search;
mod turn;
mod words;

pub use divided::{Divided, Lies};
pub use group::Group;
pub use honest::{Action, Honest, State};
pub use runs::{Channel, KNOWN, LARGE, Run, SMALL};
pub use scene::{Budget, Scene};
pub use search::{Ask, Found, Model, Progress, Way, search};
pub use turn::{PassedOver, Rules};
