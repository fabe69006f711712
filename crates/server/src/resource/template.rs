//! URI templates and a matcher that needs one pass.

use std::{collections::BTreeMap, str::FromStr};

use crate::HandlerError;

/// A URI template: literal text and variables in braces, `test://items/{id}/data`.
///
/// A variable stands for one or more characters without `/`, `?` and `#`; `{+path}` may hold them and
/// must be last. Two variables need text between them. So a URI is matched in one pass over its bytes,
/// and no URI, however long, can make the match slow.
///
/// # Specification
///
/// RFC 6570, levels 1 and 2 as far as they can be matched without ambiguity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
    Rest(String),
}

/// Why a template is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriTemplateError {
    /// No scheme before the first variable.
    #[error("a uri template begins with a scheme, such as `file:`")]
    Scheme,
    /// A brace without its partner.
    #[error("a brace is not closed or not opened")]
    Brace,
    /// A variable name that is not `A-Z a-z 0-9 _`, or an operator other than `+`.
    #[error("a variable is made of A-Z, a-z, 0-9 and `_`; the only operator is `+`")]
    Variable,
    /// One variable twice.
    #[error("a variable appears twice")]
    Duplicate,
    /// Two variables without text between them, or something after `{+…}`.
    #[error("variables need text between them, and `{{+…}}` is last")]
    Ambiguous,
}

impl UriTemplate {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// [`UriTemplateError`] says which rule the template breaks.
    pub fn parse(text: &str) -> Result<Self, UriTemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal = rest.split(['{', '}']).next().unwrap_or_default();
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
                rest = rest.get(literal.len()..).unwrap_or_default();
                continue;
            }
            let inner = rest.strip_prefix('{').ok_or(UriTemplateError::Brace)?;
            let (name, after) = inner.split_once('}').ok_or(UriTemplateError::Brace)?;
            let variable = match name.strip_prefix('+') {
                Some(name) => Part::Rest(checked(name)?),
                None => Part::Variable(checked(name)?),
            };
            let follows_text = matches!(parts.last(), Some(Part::Literal(_)));
            if !follows_text || (matches!(variable, Part::Rest(_)) && !after.is_empty()) {
                return Err(match parts.is_empty() {
                    true => UriTemplateError::Scheme,
                    false => UriTemplateError::Ambiguous,
                });
            }
            if parts
                .iter()
                .any(|part| part.variable().is_some() && part.variable() == variable.variable())
            {
                return Err(UriTemplateError::Duplicate);
            }
            parts.push(variable);
            rest = after;
        }
        match parts.first() {
            Some(Part::Literal(literal)) if has_scheme(literal) => {
                Ok(Self { text: text.to_owned(), parts })
            }
            _ => Err(UriTemplateError::Scheme),
        }
    }

    /// The template's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The variables' names, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(Part::variable)
    }

    /// The variables of a URI that fits the template. Values are as they stand in the URI: percent
    /// encoding is not decoded, so a `%2F` cannot become a path separator behind a check.
    #[must_use]
    pub fn matches(&self, uri: &str) -> Option<TemplateVariables> {
        let mut variables = BTreeMap::new();
        let mut rest = uri;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Rest(name) => {
                    variables.insert(name.clone(), std::mem::take(&mut rest).to_owned());
                }
                Part::Variable(name) => {
                    let end = match parts.peek() {
                        Some(Part::Literal(next)) => rest.find(next.as_str())?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at_checked(end)?;
                    if value.is_empty() || value.contains(['/', '?', '#']) {
                        return None;
                    }
                    variables.insert(name.clone(), value.to_owned());
                    rest = after;
                }
            }
        }
        (rest.is_empty() && variables.values().all(|value| !value.is_empty()))
            .then_some(TemplateVariables(variables))
    }
}

impl Part {
    fn variable(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) | Self::Rest(name) => Some(name),
        }
    }
}

fn checked(name: &str) -> Result<String, UriTemplateError> {
    let valid =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if valid { Ok(name.to_owned()) } else { Err(UriTemplateError::Variable) }
}

/// Whether a URI, or the beginning of one, has a scheme.
pub(crate) fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// The values that a URI gives to a template's variables, percent encoding untouched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateVariables(BTreeMap<String, String>);

impl TemplateVariables {
    /// One value; empty if the template has no such variable.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One value, parsed; used by `#[resource]`. Text stays as it stands in the URI: were it read as
    /// JSON, an escape could bring in the `/` that a variable cannot hold.
    ///
    /// # Errors
    ///
    /// If the value does not parse as a `T`: the URI names no resource of this server.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T, HandlerError> {
        self.get(name).parse().map_err(|_| {
            HandlerError::protocol(palisade_protocol::ErrorObject::invalid_params(
                "resource not found",
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{UriTemplate, UriTemplateError as Error};

    fn check(template: &str, uri: &str, expected: Option<&[(&str, &str)]>) {
        let matched = UriTemplate::parse(template).unwrap().matches(uri);
        let values = matched.as_ref().map(|variables| variables.iter().collect::<Vec<_>>());
        assert_eq!(values.as_deref(), expected, "{template} against {uri}");
    }

    #[test]
    fn uris_match_as_a_whole() {
        check("test://template/{id}/data", "test://template/7/data", Some(&[("id", "7")]));
        check("test://template/{id}/data", "test://template/a%2Fb/data", Some(&[("id", "a%2Fb")]));
        check("test://template/{id}/data", "test://template/a/b/data", None);
        check("test://template/{id}/data", "test://template//data", None);
        check("test://template/{id}/data", "test://template/7/data/x", None);
        check("test://template/{id}", "test://template/7?x", None);
        check("file:///{+path}", "file:///a/b", Some(&[("path", "a/b")]));
        check("file:///{+path}", "file:///", None);
        check("x:{a}-{b}", "x:1-2-3", Some(&[("a", "1"), ("b", "2-3")]));
        check("x:plain", "x:plain", Some(&[]));
        check("x:plain", "x:plainer", None);
    }

    #[test]
    fn a_value_is_not_read_as_json() {
        let template = UriTemplate::parse("test://template/{id}").unwrap();
        let id = |uri| template.matches(uri).unwrap();
        let hostile = r#"test://template/"..\u002f..""#;
        assert_eq!(id(hostile).parse::<String>("id").unwrap(), r#""..\u002f..""#);
        assert_eq!(id("test://template/7").parse::<u8>("id").unwrap(), 7);
        assert!(id("test://template/777").parse::<u8>("id").is_err());
    }

    #[test]
    fn ambiguous_templates_are_refused() {
        for (template, error) in [
            ("", Error::Scheme),
            ("{id}", Error::Scheme),
            ("items/{id}", Error::Scheme),
            ("x:{a}{b}", Error::Ambiguous),
            ("x:{+a}/b", Error::Ambiguous),
            ("x:{a}/{a}", Error::Duplicate),
            ("x:{a", Error::Brace),
            ("x:a}", Error::Brace),
            ("x:{}", Error::Variable),
            ("x:{?q}", Error::Variable),
            ("x:{a*}", Error::Variable),
        ] {
            assert_eq!(UriTemplate::parse(template), Err(error), "{template}");
        }
    }
}
