//! [`SecretRef`]: where a secret is, and how it is fetched from there.

use std::{
    borrow::Cow,
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use palisade_security::{Secret, SecurityConfigError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::findings::Findings;

/// The largest file that a secret is read from, in bytes. Abuse: a file that fills the memory.
const MAX_FILE: u64 = 64 * 1024;

/// Where a secret is: `env:NAME` or `file:PATH`. Anything else is the secret itself, which is an error
/// unless `dangerous.allow_inline_secrets` is set.
#[derive(Clone)]
pub struct SecretRef(Place);

#[derive(Clone)]
enum Place {
    Env(String),
    File(PathBuf),
    Inline(Secret),
    /// Made by a program, never read from a file.
    Given(Secret),
}

impl SecretRef {
    /// A secret that a program has at hand.
    #[must_use]
    pub const fn given(secret: Secret) -> Self {
        Self(Place::Given(secret))
    }

    /// The secret of [`Self::given`]; none for a reference.
    #[must_use]
    pub const fn as_given(&self) -> Option<&Secret> {
        match &self.0 {
            Place::Given(secret) => Some(secret),
            Place::Env(_) | Place::File(_) | Place::Inline(_) => None,
        }
    }

    /// Fetches the secret; relative paths start from the current folder. `path` names the field in findings.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] if there is no secret, if others can read its file, or if it is no reference.
    pub fn fetch(&self, path: &str) -> Result<Secret, SecurityConfigError> {
        let mut findings = Findings::default();
        let fetcher = Fetcher { base: None, allow_inline: false };
        let secret = fetcher.fetch(self, path, &mut findings);
        match findings.has_errors() {
            true => Err(SecurityConfigError::new(findings.into_list())),
            false => Ok(secret),
        }
    }

    /// A reference as text: `env:NAME` or `file:PATH`; any other text is the secret itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(if let Some(name) = text.strip_prefix("env:") {
            Place::Env(name.to_owned())
        } else if let Some(path) = text.strip_prefix("file:") {
            Place::File(path.into())
        } else {
            Place::Inline(Secret::new(text.to_owned()))
        })
    }
}

/// Shows references, never a secret.
impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Env(name) => write!(f, "env:{name}"),
            Place::File(path) => write!(f, "file:{}", path.display()),
            Place::Inline(_) | Place::Given(_) => f.write_str("(secret)"),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&Zeroizing::new(text)))
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where the secret is: env:NAME or file:PATH.",
            "examples": ["env:MCP_TOKEN"],
        })
    }
}

/// Fetches secrets.
#[derive(Clone, Copy)]
pub(crate) struct Fetcher<'a> {
    /// The folder that relative paths start from.
    pub(crate) base: Option<&'a Path>,
    pub(crate) allow_inline: bool,
}

impl Fetcher<'_> {
    /// The secret at `path` of the configuration. If there is none, that is a finding, and an empty secret
    /// stands in.
    pub(crate) fn fetch(&self, secret: &SecretRef, path: &str, findings: &mut Findings) -> Secret {
        let fetched = match &secret.0 {
            Place::Given(secret) => Ok(secret.clone()),
            Place::Inline(secret) if self.allow_inline => {
                let message = "the secret stands in the file itself, as `dangerous` allows";
                findings.warning(path, "inline_secret", message, "write `env:NAME` or `file:PATH`");
                Ok(secret.clone())
            }
            Place::Inline(_) => Err(Failure {
                code: "inline_secret",
                message: "the secret stands in the file itself".to_owned(),
                fix: "write `env:NAME` or `file:PATH`".to_owned(),
            }),
            Place::Env(name) => from_env(name),
            Place::File(file) => from_file(&self.resolve(file), path, findings),
        };
        let fetched = match fetched {
            Ok(secret) if secret.is_empty() => Err(Failure {
                code: "secret_empty",
                message: "the secret is empty".to_owned(),
                fix: "put a secret there: `openssl rand -hex 32` makes one".to_owned(),
            }),
            other => other,
        };
        fetched.unwrap_or_else(|Failure { code, message, fix }| {
            findings.broken(path, code, message, fix);
            Secret::new("")
        })
    }

    /// A path of the configuration, from the folder that relative ones start from.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.base.map_or_else(|| path.to_owned(), |base| base.join(path))
    }
}

struct Failure {
    code: &'static str,
    message: String,
    fix: String,
}

fn from_env(name: &str) -> Result<Secret, Failure> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(valid) {
        // Not shown: it may be a secret with `env:` before it.
        return Err(Failure {
            code: "invalid_secret_reference",
            message: "what follows `env:` is not the name of a variable".to_owned(),
            fix: "write letters, digits and `_`, such as `env:MCP_TOKEN`".to_owned(),
        });
    }
    std::env::var(name).map(Secret::from).map_err(|error| match error {
        std::env::VarError::NotPresent => Failure {
            code: "secret_variable_missing",
            message: format!("the environment has no variable {name}"),
            fix: format!("set {name} before the start"),
        },
        std::env::VarError::NotUnicode(_) => Failure {
            code: "secret_not_text",
            message: format!("the variable {name} is not utf-8 text"),
            fix: "use text, such as `openssl rand -hex 32` gives".to_owned(),
        },
    })
}

fn from_file(path: &Path, at: &str, findings: &mut Findings) -> Result<Secret, Failure> {
    let unreadable = |kind: std::io::ErrorKind| Failure {
        code: "secret_file_unreadable",
        message: format!("cannot read {}: {kind}", path.display()),
        fix: "name a file that this user can read".to_owned(),
    };
    // Looked at before it is opened: opening a pipe waits for whoever writes to it.
    let before = std::fs::metadata(path).map_err(|error| unreadable(error.kind()))?;
    if !before.is_file() {
        return Err(unreadable(std::io::ErrorKind::InvalidInput));
    }
    let file = File::open(path).map_err(|error| unreadable(error.kind()))?;
    check_mode(&file, path, at, findings).map_err(|error| unreadable(error.kind()))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.kind()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure {
            code: "secret_file_too_large",
            message: format!("{} exceeds {MAX_FILE} bytes", path.display()),
            fix: "name a file that holds the secret and nothing else".to_owned(),
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure {
        code: "secret_not_text",
        message: format!("{} is not utf-8 text", path.display()),
        fix: "use text, such as `openssl rand -hex 32` gives".to_owned(),
    })?;
    // Editors and `echo` end a file with a line end that is no part of the secret.
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

/// Finds who else can read a file with a secret.
#[cfg(unix)]
pub(crate) fn check_mode(
    file: &File,
    path: &Path,
    at: &str,
    findings: &mut Findings,
) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode();
    let shown = path.display();
    let fix = || format!("run `chmod 600 {shown}` (mounted secrets: mode 0400)");
    if mode & 0o007 != 0 {
        let message =
            format!("every user of this machine may open {shown} (mode {:03o})", mode & 0o777);
        findings.error(at, "secret_file_exposed", message, fix());
    } else if mode & 0o070 != 0 {
        let message = format!("the group may open {shown} (mode {:03o})", mode & 0o777);
        findings.warning(at, "secret_file_exposed_to_group", message, fix());
    }
    Ok(())
}

/// There are no modes to check.
#[cfg(not(unix))]
pub(crate) fn check_mode(_: &File, _: &Path, _: &str, _: &mut Findings) -> std::io::Result<()> {
    Ok(())
}
