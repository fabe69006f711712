//! `cargo xtask layers`: imports point up the list of crates, never down or sideways.

use crate::{
    args::Args,
    failure::{Failure, Result},
    metadata::{Dependency, Kind, Metadata, Package},
    workspace,
};

/// The crates, lowest first, and what each may import outside its tests. Transports share a row.
const TABLE: &[(&str, &[&str])] = &[
    ("palisade-protocol", &[]),
    ("palisade-security", &["palisade-protocol"]),
    ("palisade-auth", &["palisade-protocol", "palisade-security"]),
    ("palisade-config", &["palisade-protocol", "palisade-security", "palisade-auth"]),
    ("palisade-transport", &["palisade-protocol", "palisade-security"]),
    ("palisade-transport-*", ABOVE_TRANSPORT),
    ("palisade-schema", &[]),
    (
        "palisade-server",
        &["palisade-protocol", "palisade-security", "palisade-transport", "palisade-schema"],
    ),
    ("palisade-client", ABOVE_TRANSPORT),
    ("palisade-macros", &[]),
    (
        "palisade",
        &[
            "palisade-protocol",
            "palisade-security",
            "palisade-auth",
            "palisade-config",
            "palisade-transport",
            "palisade-transport-*",
            "palisade-server",
            "palisade-client",
            "palisade-macros",
        ],
    ),
    ("palisade-cli", &["palisade"]),
];

const ABOVE_TRANSPORT: &[&str] = &["palisade-protocol", "palisade-security", "palisade-transport"];

/// Helps tests; nothing that is published may need it.
const TESTKIT: &str = "palisade-testkit";

/// Packages outside the table that may import anything of ours.
const FREE: &[&str] = &[TESTKIT, "palisade-tests", "palisade-examples", "palisade-fuzz"];

/// These decide, they do no I/O and read no clock, so nothing of this kind may stand below them.
const PURE: &[&str] = &["palisade-protocol", "palisade-security", "palisade-schema"];
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "tokio-rustls",
    "hyper",
    "hyper-util",
    "mio",
    "socket2",
    "async-std",
    "smol",
    "async-io",
    "reqwest",
    "axum",
];

/// The facade only re-exports, so it needs our own crates and what the macros' output names.
const FACADE: &str = "palisade";
const FOR_MACROS: &[&str] = &["schemars", "serde", "serde_json"];

/// Checks the workspace.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    let metadata = Metadata::load(&workspace::root()?)?;
    let mut findings: Vec<String> = metadata.members.iter().flat_map(check_imports).collect();
    for package in metadata.members.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for impure in metadata.closure(&package.id).iter().filter(|name| IMPURE.contains(name)) {
            findings.push(format!("{} pulls in {impure}, which does I/O", package.name));
        }
    }
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("layers: {finding}");
    }
    if findings.is_empty() {
        println!("layers: {} packages, every import points up", metadata.members.len());
        Ok(())
    } else {
        Err(Failure::new(format!("{} imports against the layers", findings.len())))
    }
}

/// What is wrong with the direct dependencies of `package`.
fn check_imports(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
    if !name.starts_with("palisade") {
        return shipped
            .filter(|dependency| is_ours(&dependency.name))
            .map(|dependency| {
                format!("{name} imports {}, but is no part of the stack", dependency.name)
            })
            .collect();
    }
    if FREE.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = TABLE.iter().find(|(row, _)| matches(row, name)) else {
        return vec![format!("{name} has no row in the table of layers")];
    };
    shipped.filter_map(|dependency| refusal(name, allowed, dependency)).collect()
}

fn refusal(name: &str, allowed: &[&str], dependency: &Dependency) -> Option<String> {
    let import = dependency.name.as_str();
    if is_ours(import) {
        (!allowed.iter().any(|row| matches(row, import)))
            .then(|| format!("{name} may not import {import}"))
    } else {
        (name == FACADE && !FOR_MACROS.contains(&import))
            .then(|| format!("{name} only re-exports, it needs no {import}"))
    }
}

fn is_ours(name: &str) -> bool {
    name == FACADE || name.starts_with("palisade-")
}

/// Whether `name` is the crate, or one of the family `prefix-*`, that `row` stands for.
fn matches(row: &str, name: &str) -> bool {
    match row.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => row == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, imports: &[(&str, Kind)], expected: &[&str]) {
        let package = Package {
            id: name.to_owned(),
            name: name.to_owned(),
            has_features: false,
            default_features: Vec::new(),
            dependencies: imports
                .iter()
                .map(|&(name, kind)| Dependency { name: name.to_owned(), kind })
                .collect(),
        };
        assert_eq!(check_imports(&package), expected, "{name} {imports:?}");
    }

    #[test]
    fn imports_that_point_up_are_fine() {
        use Kind::{Dev, Normal};
        check("palisade-protocol", &[("serde", Normal), ("palisade-server", Dev)], &[]);
        check("palisade-auth", &[("palisade-security", Normal)], &[]);
        check("palisade-transport-http", &[("palisade-transport", Normal), ("hyper", Normal)], &[]);
        check("palisade", &[("palisade-transport-http", Normal), ("serde_json", Normal)], &[]);
        check("palisade-tests", &[("palisade-testkit", Normal), ("tokio", Normal)], &[]);
        check("xtask", &[("serde_json", Normal)], &[]);
    }

    #[test]
    fn imports_that_point_down_or_sideways_are_found() {
        use Kind::{Build, Normal};
        check(
            "palisade-protocol",
            &[("palisade-security", Build)],
            &["palisade-protocol may not import palisade-security"],
        );
        check(
            "palisade-transport-http",
            &[("palisade-transport-stdio", Normal), ("palisade-auth", Normal)],
            &[
                "palisade-transport-http may not import palisade-transport-stdio",
                "palisade-transport-http may not import palisade-auth",
            ],
        );
        check(
            "palisade-client",
            &[("palisade-server", Normal)],
            &["palisade-client may not import palisade-server"],
        );
        check(
            "palisade-server",
            &[("palisade-testkit", Normal)],
            &["palisade-server may not import palisade-testkit"],
        );
        check("palisade", &[("tokio", Normal)], &["palisade only re-exports, it needs no tokio"]);
        check("palisade-new", &[], &["palisade-new has no row in the table of layers"]);
        check(
            "xtask",
            &[("palisade", Normal)],
            &["xtask imports palisade, but is no part of the stack"],
        );
    }
}
