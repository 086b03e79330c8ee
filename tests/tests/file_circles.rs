//! No new circle of files inside a crate: of two files one is the lower, and can be read, tested and moved without the other.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree};

/// Crates whose files are looked at, by their folders of sources.
const SOURCES: [&str; 25] = [
    "cli/src",
    "crates/aws-http/src",
    "crates/event-source/src",
    "crates/events/src",
    "crates/glue/src",
    "crates/iceberg/src",
    "crates/lake/src",
    "crates/lambda/src",
    "crates/runtime/src",
    "crates/snowflake/src",
    "crates/sources/src",
    "crates/sql/src",
    "crates/stream/src",
    "crates/tables/src",
    "crates/validate/src",
    "functions/compact-raw/src",
    "functions/create-topics/src",
    "functions/fetch-users/src",
    "functions/land-events/src",
    "functions/replay-dead-letters/src",
    "jobs/src",
    "jobs/cloud/src",
    "jobs/kernels/src",
    "proto/src",
    "xtask/src",
];

/// Circles that are there, by the first file of each. None may come; one that is broken leaves the list.
const KNOWN: [&str; 0] = [];

/// A module's path inside its crate; the root's is empty.
type Module = Vec<String>;

/// The modules of a crate that are files, and what each has.
#[derive(Debug, Default)]
struct Crate {
    modules: BTreeMap<Module, File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    /// Paths that its code names, with the segments as written.
    names: BTreeSet<Vec<String>>,
    /// What it gives away under its own name: the name, and the path that it stands for.
    re_exports: BTreeMap<String, Vec<String>>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.to_token_stream().to_string().contains("test")
    })
}

/// The paths of a `use`, each with the name that it gives.
fn flat(tree: &UseTree, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => flat(&path.tree, &with(path.ident.to_string()), found),
        UseTree::Name(name) if name.ident == "self" => {
            found.push((before.to_vec(), before.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => found.push((with(name.ident.to_string()), name.ident.to_string())),
        UseTree::Rename(name) => found.push((with(name.ident.to_string()), name.rename.to_string())),
        UseTree::Glob(_) => found.push((with("*".to_owned()), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flat(tree, before, found)),
    }
}

/// `a::b::c` wherever it stands in code, macros' bodies too.
fn paths(tokens: TokenStream, found: &mut BTreeSet<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    found.insert(std::mem::take(&mut path));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                found.insert(std::mem::take(&mut path));
                colons = 0;
                // `pub(in …)` says who may look, it looks at nothing.
                if !group.to_string().starts_with("(in ") {
                    paths(group.stream(), found);
                }
            }
            _ => {
                found.insert(std::mem::take(&mut path));
                colons = 0;
            }
        }
    }
    found.insert(path);
}

impl Crate {
    fn read(folder: &Path) -> Self {
        let mut this = Self::default();
        let root = ["lib.rs", "main.rs"].iter().map(|name| folder.join(name)).find(|path| path.exists());
        this.add(Vec::new(), root.unwrap(), folder);
        this
    }

    fn add(&mut self, module: Module, path: PathBuf, folder: &Path) {
        let parsed = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut file = File { path, names: BTreeSet::new(), re_exports: BTreeMap::new() };
        for item in parsed.items.iter().filter(|item| !is_test(item)) {
            match item {
                Item::Mod(child) if child.content.is_none() => {
                    let name = child.ident.to_string();
                    let below = folder.join(&name);
                    let places = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
                    let place = places.into_iter().find(|place| place.exists()).unwrap();
                    self.add(module.iter().cloned().chain([name]).collect(), place, &below);
                }
                Item::Use(item) => {
                    let mut found = Vec::new();
                    flat(&item.tree, &[], &mut found);
                    for (path, name) in found {
                        if matches!(item.vis, syn::Visibility::Inherited) {
                            file.names.insert(path);
                        } else {
                            file.re_exports.insert(name, path);
                        }
                    }
                }
                item => paths(item.to_token_stream(), &mut file.names),
            }
        }
        self.modules.insert(module, file);
    }

    /// The file that a path named in `from` leads to; `None` where it leads out of the crate.
    fn target(&self, from: &Module, path: &[String], depth: usize) -> Option<&Module> {
        let (first, mut rest) = path.split_first()?;
        let mut at: Module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            name => {
                let child: Module = from.iter().cloned().chain([name.to_owned()]).collect();
                self.modules.get(&child)?;
                child
            }
        };
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop()?;
            } else {
                let child: Module = at.iter().cloned().chain([next.clone()]).collect();
                if self.modules.contains_key(&child) {
                    at = child;
                } else {
                    let given = self.modules.get(&at)?.re_exports.get(next);
                    return match given.filter(|_| depth < 5) {
                        Some(given) => self.target(&at, given, depth + 1),
                        None => self.modules.get_key_value(&at).map(|(module, _)| module),
                    };
                }
            }
            rest = after;
        }
        self.modules.get_key_value(&at).map(|(module, _)| module)
    }

    /// Which file uses which.
    fn edges(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        let mut edges: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
        for (module, file) in &self.modules {
            let targets = file.names.iter().filter(|name| name.len() > 1);
            let targets = targets.filter_map(|name| self.target(module, name, 0));
            edges.insert(module, targets.filter(|target| *target != module).collect());
        }
        edges
    }

    /// Files that reach one another, each circle once.
    fn circles(&self) -> Vec<BTreeSet<&Module>> {
        let edges = self.edges();
        let reach = |from: &Module| {
            let mut reached: BTreeSet<&Module> = BTreeSet::new();
            let mut next: Vec<&Module> = edges[from].iter().copied().collect();
            while let Some(module) = next.pop() {
                if reached.insert(module) {
                    next.extend(&edges[module]);
                }
            }
            reached
        };
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.modules.keys().map(|module| (module, reach(module))).collect();
        let mut circles: Vec<BTreeSet<&Module>> = Vec::new();
        for (module, reaches) in &reached {
            if reaches.contains(*module) && !circles.iter().any(|circle| circle.contains(*module)) {
                circles.push(
                    reaches.iter().copied().filter(|other| reached[*other].contains(*module)).collect(),
                );
            }
        }
        circles
    }
}

#[test]
fn files_have_an_order() {
    let mut found = Vec::new();
    for folder in SOURCES {
        let sources = Crate::read(&root().join(folder));
        let edges = sources.edges();
        for circle in sources.circles() {
            let mut lines = Vec::new();
            for module in &circle {
                let uses: Vec<_> = edges[*module]
                    .iter()
                    .filter(|used| circle.contains(**used))
                    .map(|used| used.join("::"))
                    .collect();
                let path = sources.modules[*module].path.strip_prefix(root()).unwrap().display();
                lines.push(format!("  {path} uses {}", uses.join(", ")));
            }
            found.push(lines.join("\n"));
        }
    }
    let first = |circle: &String| circle.trim_start().split(' ').next().unwrap_or_default().to_owned();
    let new: Vec<_> = found.iter().filter(|circle| !KNOWN.contains(&first(circle).as_str())).collect();
    assert!(new.is_empty(), "{} new circles of files:\n\n{new:#?}", new.len());
    let there: BTreeSet<String> = found.iter().map(first).collect();
    let broken: Vec<_> = KNOWN.iter().filter(|known| !there.contains(**known)).collect();
    assert!(broken.is_empty(), "no circle any more, take them out of KNOWN: {broken:?}");
}
