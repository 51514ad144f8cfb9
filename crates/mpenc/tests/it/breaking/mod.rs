//! Reading what was recorded, with keys out of somebody's memory: the calculations of the formats
//! once more, applied to everything that comes to hand, not to what belongs together.

pub(crate) mod v1;
pub(crate) mod v2;
