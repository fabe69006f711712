//! From files to configurations, and [`Checked`]: everything that was found on the way.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use palisade_security::{Finding, SecurityConfigError, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    document::{self, Format, MAX_BYTES},
    findings::Findings,
    shape,
};

/// Everything that was found about a configuration, warnings included.
#[derive(Debug)]
#[must_use]
pub struct Checked {
    findings: Vec<Finding>,
    lines: BTreeMap<String, usize>,
}

impl Checked {
    /// Everything that was found, in the order of the lines.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the configuration can be used: nothing that was found is an error.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.findings.iter().any(Finding::is_error)
    }

    /// The line of the field at a path, or of the nearest one around it. Known for TOML only.
    #[must_use]
    pub fn line(&self, path: &str) -> Option<usize> {
        let ends = path.match_indices(['.', '[']).map(|(at, _)| at);
        let around = ends.rev().filter_map(|end| path.get(..end));
        std::iter::once(path).chain(around).find_map(|path| self.lines.get(path)).copied()
    }
}

/// What a configuration is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be used.
    Use,
    /// To see what is wrong with it: nothing outside is changed, no file is opened for writing.
    Check,
}

/// How one kind of configuration is made from a file.
pub(crate) struct Kind<R, T> {
    pub(crate) schema: &'static Value,
    /// Where relative paths start.
    pub(crate) set_base: fn(&mut R, PathBuf),
    pub(crate) build: fn(&R, Purpose, &mut Findings) -> Option<T>,
}

impl<R: DeserializeOwned, T> Kind<R, T> {
    /// The raw form of a text. What it says is not checked, only how it is written.
    pub(crate) fn raw(&self, text: &str, format: Format) -> Result<R, SecurityConfigError> {
        let mut findings = Findings::default();
        let (raw, _) = decode(text, format, self.schema, &mut findings);
        findings.unless_errors(raw)
    }

    /// The configuration that a raw form describes.
    pub(crate) fn configure(&self, raw: &R) -> Result<T, SecurityConfigError> {
        let mut findings = Findings::default();
        let config = (self.build)(raw, Purpose::Use, &mut findings);
        findings.unless_errors(config)
    }

    pub(crate) fn check_file(&self, path: &Path) -> Checked {
        match read(path) {
            Ok(text) => self.check(&text, Format::of(path), path.parent()),
            Err(finding) => Checked { findings: vec![finding], lines: BTreeMap::new() },
        }
    }

    pub(crate) fn check(&self, text: &str, format: Format, base: Option<&Path>) -> Checked {
        let (_, checked) = self.run(text, format, base, Purpose::Check);
        checked
    }

    pub(crate) fn load(&self, path: &Path) -> Result<T, SecurityConfigError> {
        let text = read(path).map_err(|finding| SecurityConfigError::new(vec![finding]))?;
        let (config, checked) = self.run(&text, Format::of(path), path.parent(), Purpose::Use);
        config.ok_or_else(|| SecurityConfigError::new(checked.findings))
    }

    fn run(
        &self,
        text: &str,
        format: Format,
        base: Option<&Path>,
        purpose: Purpose,
    ) -> (Option<T>, Checked) {
        let mut findings = Findings::default();
        let (raw, lines) = decode::<R>(text, format, self.schema, &mut findings);
        // A file with errors in its text is not put to use, whatever is left of it.
        let purpose = if findings.has_errors() { Purpose::Check } else { purpose };
        let config = raw.and_then(|mut raw| {
            if let Some(base) = base {
                (self.set_base)(&mut raw, base.to_owned());
            }
            (self.build)(&raw, purpose, &mut findings)
        });
        let config = config.filter(|_| !findings.has_errors());
        let mut checked = Checked { findings: Vec::new(), lines };
        let mut list = findings.into_list();
        list.sort_by_key(|finding| checked.line(finding.path()));
        checked.findings = list;
        (config, checked)
    }
}

/// What every configuration has that comes out of a file: from the file to the raw form, from there to the
/// configuration, and what was found on the way.
macro_rules! configuration {
    ($config:ident, $raw:ident, $schema:ident, $build:path) => {
        impl $config {
            /// Reads and checks a file.
            ///
            /// # Errors
            ///
            /// [`SecurityConfigError`](palisade_security::SecurityConfigError) with everything that was
            /// found, if one of it is an error.
            pub fn from_file(
                path: impl AsRef<std::path::Path>,
            ) -> Result<Self, palisade_security::SecurityConfigError> {
                kind().load(path.as_ref())
            }

            /// Reads and checks a file, and changes nothing: an audit file is not opened, for it may belong
            /// to a server that runs.
            pub fn check_file(path: impl AsRef<std::path::Path>) -> $crate::Checked {
                kind().check_file(path.as_ref())
            }

            /// Checks a text, whose relative paths start from the current folder.
            pub fn check_text(text: &str, format: $crate::Format) -> $crate::Checked {
                kind().check(text, format, None)
            }

            /// What deserves a look.
            #[must_use]
            pub fn warnings(&self) -> &[palisade_security::Finding] {
                &self.warnings
            }

            /// Everything that was decided, as text without secrets, for people to read and to compare.
            #[must_use]
            pub fn describe(&self) -> String {
                format!("{self:#?}")
            }
        }

        impl TryFrom<$raw> for $config {
            type Error = palisade_security::SecurityConfigError;

            fn try_from(raw: $raw) -> Result<Self, Self::Error> {
                kind().configure(&raw)
            }
        }

        impl $raw {
            /// Decodes a text. What it says is not checked yet, only how it is written.
            ///
            /// # Errors
            ///
            /// [`SecurityConfigError`](palisade_security::SecurityConfigError) with everything that is
            /// wrong with the text.
            pub fn from_text(
                text: &str,
                format: $crate::Format,
            ) -> Result<Self, palisade_security::SecurityConfigError> {
                kind().raw(text, format)
            }

            /// Sets the folder that relative paths start from. Default: the current one.
            #[must_use]
            pub fn with_base(mut self, base: impl AsRef<std::path::Path>) -> Self {
                self.base = Some(base.as_ref().to_owned());
                self
            }
        }

        fn kind() -> $crate::checked::Kind<$raw, $config> {
            $crate::checked::Kind {
                schema: $schema(),
                set_base: |raw, base| raw.base = Some(base),
                build: $build,
            }
        }
    };
}
pub(crate) use configuration;

/// Text to a raw form. What is wrong with the text is found and mended, so that the rest can be checked.
fn decode<R: DeserializeOwned>(
    text: &str,
    format: Format,
    schema: &Value,
    findings: &mut Findings,
) -> (Option<R>, BTreeMap<String, usize>) {
    let mut document = document::parse(text, format, findings);
    if findings.is_broken("") {
        return (None, document.lines);
    }
    shape::check(schema, &mut document.value, findings);
    let raw = serde_json::from_value(document.value);
    if raw.is_err() {
        // Unreachable as long as the schema says all that the decoder wants; its text may show values.
        let message = "the configuration cannot be decoded";
        findings.error("", "config_undecodable", message, "compare it with the schema");
    }
    (raw.ok(), document.lines)
}

/// Reads a file of bounded size.
pub(crate) fn read(path: &Path) -> Result<String, Finding> {
    let attempt = || {
        // Opening a pipe would wait for whoever writes to it.
        if !std::fs::metadata(path)?.is_file() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let mut text = String::new();
        // One more than is allowed, so that a larger file is not taken for one that fits.
        File::open(path)?.take(limit.saturating_add(1)).read_to_string(&mut text)?;
        Ok(text)
    };
    attempt().map_err(|error: std::io::Error| {
        let message = format!("cannot read {}: {}", path.display(), error.kind());
        Finding::new("", Severity::Error, "config_unreadable", message)
            .with_fix("name a file of utf-8 text that this user can read")
    })
}

/// Whose configuration a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A server's: see [`ServerConfig`](crate::ServerConfig).
    Server,
    /// A client's: see [`ClientConfig`](crate::ClientConfig).
    Client,
    /// That of a server which its client launches: see [`LaunchConfig`](crate::LaunchConfig).
    Launch,
}

impl Role {
    /// A client's configuration has a `url` or `credentials`, that of a launched server a `program`; everything
    /// else is taken for a server's.
    #[must_use]
    pub fn of_file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        read(path).map_or(Self::Server, |text| Self::of_text(&text, Format::of(path)))
    }

    /// As [`Self::of_file`], for a text.
    #[must_use]
    pub fn of_text(text: &str, format: Format) -> Self {
        let document = document::parse(text, format, &mut Findings::default());
        let has = |key: &str| document.value.get(key).is_some();
        match () {
            () if has("program") => Self::Launch,
            () if has("url") || has("credentials") => Self::Client,
            () => Self::Server,
        }
    }
}
