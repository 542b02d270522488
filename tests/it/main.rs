//! One test binary for everything that needs more than one module.

#[path = "../../data/generator/mod.rs"]
mod generator;

mod cases;
mod data;
mod decode;
mod network;
mod properties;
mod scenario;
