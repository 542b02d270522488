//! No import circle among the files of one module.
//!
//! A file may use items that an ancestor module defines: they are the shared vocabulary of the module. An item that the
//! ancestor only imports counts as an import of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, is_tests, is_word, module_of, sources};

/// A path in code, such as `super::plan::Row`.
type Path = Vec<String>;

/// Returns every path of `code` that begins with one of `roots`, with the lists of `use` items expanded.
fn paths(code: &str, roots: &BTreeSet<String>) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut before = ' ';
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let word: String = rest.chars().take_while(|c| is_word(*c)).collect();
        if word.is_empty() {
            (before, rest) = (c, &rest[c.len_utf8()..]);
            continue;
        }
        let tail = &rest[word.len()..];
        if before != ':' && before != '.' && roots.contains(&word) && tail.starts_with("::") {
            expand(&mut vec![word.clone()], &tail[2..], &mut paths);
        }
        (before, rest) = ('a', tail);
    }
    paths
}

/// Adds the paths that continue `begun` with `rest`, and returns what follows them.
fn expand<'a>(begun: &mut Path, rest: &'a str, paths: &mut Vec<Path>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut list) = rest.strip_prefix('{') {
        loop {
            list = list.trim_start_matches([',', ' ', '\n']);
            match list.strip_prefix('}') {
                Some(rest) => return rest,
                None if list.is_empty() => return list,
                None => list = expand(begun, list, paths),
            }
        }
    }
    let word: String = rest.chars().take_while(|c| is_word(*c) || *c == '*').collect();
    let mut tail = &rest[word.len()..];
    begun.push(word);
    match tail.strip_prefix("::") {
        Some(more) => tail = expand(begun, more, paths),
        None => {
            paths.push(begun.clone());
            // Skips `as name`, and any character that begins no item, so that the scan always advances.
            let end = tail.find([',', '}', ';', '\n', ')']).unwrap_or(tail.len());
            tail = &tail[if tail.starts_with(" as ") { end } else { 0 }..];
            if begun.last().is_some_and(String::is_empty) {
                tail = tail.get(1..).unwrap_or_default();
            }
        }
    }
    begun.pop();
    tail
}

/// The files of `src`, by path without `.rs`, and their code.
struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    fn new(sources: BTreeMap<String, String>) -> Tree {
        let files = sources.into_iter().filter(|(name, _)| !is_tests(name));
        Tree { files: files.map(|(name, text)| (name.trim_end_matches(".rs").to_owned(), code(&text))).collect() }
    }

    fn parent(name: &str) -> &str {
        name.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    fn child(&self, name: &str, word: &str) -> Option<String> {
        let child = if name.is_empty() { word.to_owned() } else { format!("{name}/{word}") };
        self.files.contains_key(&child).then_some(child)
    }

    fn paths_of(&self, file: &str) -> Vec<Path> {
        let prefix = format!("{file}/");
        let below = self.files.keys().filter_map(|name| name.strip_prefix(&prefix));
        let mut roots: BTreeSet<String> = below.filter(|name| !name.contains('/')).map(str::to_owned).collect();
        roots.extend(["super", "self", "crate"].map(str::to_owned));
        paths(&self.files[file], &roots)
    }

    /// Returns the module in which a path of `file` ends, and what is left of the path.
    fn resolve(&self, file: &str, path: &[String]) -> (String, Vec<String>) {
        let mut at = file.to_owned();
        for (index, word) in path.iter().enumerate() {
            at = match word.as_str() {
                "super" => Tree::parent(&at).to_owned(),
                "self" => at,
                "crate" => String::new(),
                word => match self.child(&at, word) {
                    Some(child) => child,
                    None => return (at, path[index..].to_vec()),
                },
            };
        }
        (at, Vec::new())
    }

    /// Returns the files whose items a path of `file` names.
    fn targets(&self, file: &str, path: &[String]) -> BTreeSet<String> {
        let (module, item) = self.resolve(file, path);
        let is_ancestor = module.is_empty() || file.starts_with(&format!("{module}/"));
        if !is_ancestor {
            return BTreeSet::from([module]);
        }
        let Some(item) = item.first().filter(|_| !module.is_empty()) else { return BTreeSet::new() };
        let imported = self.paths_of(&module).into_iter().filter(|path| match item.as_str() {
            "*" => path.last().is_some_and(|name| self.uses(file, name)),
            item => path.last().is_some_and(|name| name == item),
        });
        let targets = imported.map(|path| self.resolve(&module, &path).0);
        targets.filter(|target| target.starts_with(&format!("{module}/"))).collect()
    }

    /// Whether a file uses a name without a path: a type anywhere, a function where it is called.
    fn uses(&self, file: &str, name: &str) -> bool {
        let is_type = name.starts_with(char::is_uppercase);
        let code = &self.files[file];
        code.match_indices(name).any(|(at, _)| {
            let (before, after) = (&code[..at], &code[at + name.len()..]);
            let begins =
                !before.ends_with(|c: char| is_word(c) || matches!(c, ':' | '.' | '"')) && !before.ends_with("fn ");
            begins && if is_type { !after.starts_with(is_word) } else { after.starts_with('(') }
        })
    }

    /// Returns what each file imports of its own module.
    fn imports(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let of_file = |file: &str| {
            let targets = self.paths_of(file).into_iter().flat_map(|path| self.targets(file, &path));
            targets.filter(|target| module_of(target) == module_of(file) && target != file).collect()
        };
        self.files.keys().map(|file| (file.as_str(), of_file(file))).collect()
    }

    /// Returns the sets of files that import each other, directly or through others.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let imports = self.imports();
        let reached = |from: &str| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(file) = next.pop() {
                let new = imports.get(file).into_iter().flatten().filter(|target| !reached.contains(target.as_str()));
                let new: Vec<&str> = new.map(String::as_str).collect();
                reached.extend(&new);
                next.extend(new);
            }
            reached
        };
        let reached: BTreeMap<&str, BTreeSet<&str>> = imports.keys().map(|file| (*file, reached(file))).collect();
        let circle = |file: &str| -> Vec<String> {
            let members = reached[file].iter().filter(|other| reached.get(*other).is_some_and(|of| of.contains(file)));
            members.map(|member| (*member).to_owned()).collect()
        };
        imports.keys().map(|file| circle(file)).filter(|circle| circle.len() > 1).collect()
    }
}

#[test]
fn files_of_a_module_do_not_import_each_other_in_a_circle() {
    let circles = Tree::new(sources()).circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found_through_lists_nested_modules_globs_and_what_a_parent_imports() {
    let circles = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let circles = Tree::new(files.collect()).circles();
        circles.into_iter().map(|circle| circle.join(" ")).collect::<Vec<_>>().join(", ")
    };
    let root = ("m.rs", "mod a;\nmod b;\nuse b::B;\nstruct Own;\n");
    assert_eq!(
        circles(&[root, ("m/a.rs", "use super::{Own, b::B};\n"), ("m/b.rs", "use crate::m::a::{A};\n")]),
        "m/a m/b"
    );
    assert_eq!(circles(&[root, ("m/a.rs", "use super::B;\n"), ("m/b.rs", "fn f() { super::a::g() }\n")]), "m/a m/b");
    assert_eq!(
        circles(&[root, ("m/a.rs", "use super::*;\nfn f(b: B) {}\n"), ("m/b.rs", "use super::a;\n")]),
        "m/a m/b"
    );
    assert_eq!(circles(&[root, ("m/a.rs", "use super::{*, Own};\n"), ("m/b.rs", "use super::{a::A, Own};\n")]), "");
    let nested =
        [root, ("m/a.rs", "use super::b::B;\n"), ("m/b.rs", "use c::C;\n"), ("m/b/c.rs", "use super::super::a;\n")];
    assert_eq!(circles(&nested), "m/a m/b m/b/c");
}
