//! One test binary for everything that needs more than one module.

#[path = "../../data/generator/mod.rs"]
mod generator;

mod architecture;
mod browser;
mod cases;
mod cli;
mod corpus;
mod data;
mod december;
mod decode;
mod differential;
mod documents;
mod earlier;
mod field;
mod golden;
mod groups;
mod hostile;
mod lookup;
mod machine;
mod network;
mod properties;
mod real;
mod repeated;
mod scenario;
mod schema;
mod server;
mod settings;
mod shown;
mod snippets;
mod sources;
mod spark;
mod survey;
mod tasks;
mod whole_table;
mod windows;
