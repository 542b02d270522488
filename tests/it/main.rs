//! One test binary for everything that needs more than one module.

#[path = "../../data/generator/mod.rs"]
mod generator;

mod architecture;
mod cli;
mod data;
mod documents;
mod golden;
mod scenario;
