//! The second profile (wire-v2.md).

mod canonical;
mod contents;
mod golden;
mod kinds;
mod limits;
mod order;
mod padding;
mod parts;
mod properties;
mod signatures;
mod support;
mod truncation;
