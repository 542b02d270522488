//! What must hold for any input. Each target of cargo-fuzz asks one of these, and `tests/it/corpus.rs` asks them all about the corpus.

pub mod lookups;
pub mod readings;
