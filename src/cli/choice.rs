//! Arguments that take one of several named values.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Returns a parser of one of `choices`: value, name and help. A choice without help is listed by its name alone.
pub fn one_of<T: Clone + Send + Sync + 'static>(
    choices: impl IntoIterator<Item = (T, &'static str, &'static str)>,
) -> impl TypedValueParser<Value = T> {
    let choices: Vec<(T, &'static str, &'static str)> = choices.into_iter().collect();
    let described = choices.iter().map(|(_, name, help)| match *help {
        "" => PossibleValue::new(*name),
        help => PossibleValue::new(*name).help(help),
    });
    PossibleValuesParser::new(described.collect::<Vec<_>>()).try_map(move |chosen| {
        let found = choices.iter().find(|(_, name, _)| *name == chosen);
        found.map(|(value, ..)| value.clone()).ok_or(format!("unknown value '{chosen}'"))
    })
}
