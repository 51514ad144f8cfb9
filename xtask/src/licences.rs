//! Under which licences, and from where, we take what we build from.

use std::path::Path;

use crate::metadata::{Metadata, Package};

/// Licences we accept, as SPDX identifiers: each lets anybody use, change and pass on the result
/// under our own terms, with attribution.
const ACCEPTED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages taken although their licence is not among those, one by one: name, licence, and where
/// it is decided. Whoever passes on a program built from them owes these packages' source to its
/// users, unaltered as we take them; our own terms stay what they are.
const EXCEPTIONS: [(&str, &str, &str); 7] = [
    ("jid", "MPL-2.0", XMPP),
    ("minidom", "MPL-2.0", XMPP),
    ("sasl", "MPL-2.0", XMPP),
    ("tokio-xmpp", "MPL-2.0", XMPP),
    ("xmpp-parsers", "MPL-2.0", XMPP),
    ("xso", "MPL-2.0", XMPP),
    ("xso_proc", "MPL-2.0", XMPP),
];

const XMPP: &str = "docs/decisions/0026-rooms-of-xmpp.md";

/// Our own licence texts.
const TEXTS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Prints what does not fit. True if everything does.
pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let metadata = Metadata::load(root)?;
    let mut wrong: Vec<String> = metadata.packages.iter().filter_map(check).collect();
    for text in TEXTS {
        if !root.join(text).is_file() {
            wrong.push(format!("{text} is missing"));
        }
    }
    for (name, licence, decision) in EXCEPTIONS {
        if !metadata.packages.iter().any(|package| excepted(package) && package.name == name) {
            wrong.push(format!("{name} under `{licence}` is excepted and not used"));
        }
        if !root.join(decision).is_file() {
            wrong.push(format!("{decision}, which excepts {name}, is missing"));
        }
    }
    for what in &wrong {
        println!("error: {what}");
    }
    for (name, licence, decision) in EXCEPTIONS {
        println!("excepted: {name}, {licence}, see {decision}");
    }
    println!("licences: {} packages, {} errors", metadata.packages.len(), wrong.len());
    Ok(wrong.is_empty())
}

fn check(package: &Package) -> Option<String> {
    let name = format!("{} {}", package.name, package.version);
    if let Some(source) = &package.source
        && !source.starts_with("registry+")
    {
        return Some(format!("{name} comes from `{source}`, not from a registry"));
    }
    if excepted(package) {
        return None;
    }
    match &package.licence {
        None => Some(format!("{name} does not state its licence")),
        Some(licence) => match accepts(licence) {
            Some(true) => None,
            Some(false) => {
                Some(format!("{name} has the licence `{licence}`, which we do not take"))
            }
            None => Some(format!("{name} has a licence we cannot read: `{licence}`")),
        },
    }
}

fn excepted(package: &Package) -> bool {
    EXCEPTIONS.iter().any(|(name, licence, _)| {
        package.name == *name && package.licence.as_deref() == Some(licence)
    })
}

/// Whether we can choose accepted licences only, as an SPDX expression allows. None if it is not
/// one.
fn accepts(expression: &str) -> Option<bool> {
    // Before SPDX expressions, a slash said OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let result = alternatives(&mut words)?;
    words.next().is_none().then_some(result)
}

type Words<'a> = core::iter::Peekable<core::str::SplitWhitespace<'a>>;

fn alternatives(words: &mut Words<'_>) -> Option<bool> {
    let mut result = conjunction(words)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= conjunction(words)?;
    }
    Some(result)
}

fn conjunction(words: &mut Words<'_>) -> Option<bool> {
    let mut result = single(words)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= single(words)?;
    }
    Some(result)
}

fn single(words: &mut Words<'_>) -> Option<bool> {
    match words.next()? {
        "(" => {
            let result = alternatives(words)?;
            words.next_if_eq(&")").map(|_| result)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        licence if words.next_if_eq(&"WITH").is_some() => {
            let whole = format!("{licence} WITH {}", words.next()?);
            Some(ACCEPTED.contains(&whole.as_str()))
        }
        licence => Some(ACCEPTED.contains(&licence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed() {
        fn check(expression: &str, expect: Option<bool>) {
            assert_eq!(accepts(expression), expect, "{expression}");
        }
        check("MIT", Some(true));
        check("AGPL-3.0-only", Some(false));
        check("MIT OR AGPL-3.0-only", Some(true));
        check("MIT AND AGPL-3.0-only", Some(false));
        check("AGPL-3.0-only OR MIT AND ISC", Some(true));
        check("(AGPL-3.0-only OR MIT) AND GPL-2.0", Some(false));
        check("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true));
        check("Unlicense/MIT", Some(true));
        check("Apache-2.0 WITH LLVM-exception", Some(true));
        check("MIT WITH LLVM-exception", Some(false));
        check("", None);
        check("MIT OR", None);
        check("MIT ISC", None);
        check("(MIT", None);
        check("MIT)", None);
        check("Apache-2.0 WITH", None);
    }

    #[test]
    fn packages_that_do_not_fit_are_named() {
        let package = |licence: Option<&str>, source: &str| Package {
            name: "x".to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            source: Some(source.to_owned()),
            ..Package::default()
        };
        let what = |licence, source| check(&package(licence, source)).unwrap_or_default();
        assert_eq!(what(Some("MIT"), "registry+y"), "");
        assert!(what(Some("MIT"), "git+y").contains("not from a registry"));
        assert!(what(None, "registry+y").contains("does not state"));
        assert!(what(Some("GPL-3.0"), "registry+y").contains("do not take"));
        assert!(what(Some("see file"), "registry+y").contains("cannot read"));
        assert!(what(Some("MPL-2.0"), "registry+y").contains("do not take"));
        let excepted = |licence: &str, source: &str| {
            let package = package(Some(licence), source);
            check(&Package { name: "xso".to_owned(), ..package }).unwrap_or_default()
        };
        assert_eq!(excepted("MPL-2.0", "registry+y"), "");
        assert!(excepted("MPL-2.0", "git+y").contains("not from a registry"));
        assert!(excepted("AGPL-3.0", "registry+y").contains("do not take"), "only that licence");
    }
}
