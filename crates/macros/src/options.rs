//! What stands in the parentheses of the attribute: `name = "…", read_only`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Expr, Ident, Result, Token, ext::IdentExt, parse::Parser, punctuated::Punctuated,
};

/// An option that a macro knows, and what it takes.
pub(crate) type Known = (&'static str, Takes);

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `name = "…"`.
    Value,
    /// `read_only`, or `read_only = false`.
    Switch,
    /// `strict`.
    Nothing,
}

/// The options given.
#[derive(Default)]
pub(crate) struct Options(Vec<(Ident, Option<Expr>)>);

impl Options {
    /// Reads the options and checks them against those that the macro knows.
    pub(crate) fn parse(tokens: TokenStream, known: &[Known]) -> Result<Self> {
        let mut options = Self::default();
        let parse_all = |input: syn::parse::ParseStream<'_>| {
            Punctuated::<_, Token![,]>::parse_terminated_with(input, parse_one)
        };
        for (name, value) in parse_all.parse2(tokens)? {
            check(&name, value.as_ref(), known)?;
            if options.find(&name.to_string()).is_some() {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            options.0.push((name, value));
        }
        Ok(options)
    }

    /// The name of an option as it was given, for messages.
    pub(crate) fn find(&self, name: &str) -> Option<&Ident> {
        self.0.iter().map(|(given, _)| given).find(|given| *given == name)
    }

    /// The value of an option.
    pub(crate) fn value(&self, name: &str) -> Option<TokenStream> {
        let (_, value) = self.0.iter().find(|(given, _)| given == name)?;
        Some(value.as_ref().map_or_else(|| quote!(true), |value| quote!(#value)))
    }

    /// The value of an option, or the text that stands in for it.
    pub(crate) fn value_or(&self, name: &str, text: Option<&str>) -> Option<TokenStream> {
        self.value(name).or_else(|| text.map(|text| quote!(#text)))
    }
}

fn parse_one(input: syn::parse::ParseStream<'_>) -> Result<(Ident, Option<Expr>)> {
    let name = input.call(Ident::parse_any)?;
    let value = match input.parse::<Option<Token![=]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    Ok((name, value))
}

fn check(name: &Ident, value: Option<&Expr>, known: &[Known]) -> Result<()> {
    let Some((_, takes)) = known.iter().find(|(known, _)| name == known) else {
        let names = known.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>();
        let message = format!("unknown option `{name}`; known are {}", names.join(", "));
        return Err(Error::new(name.span(), message));
    };
    match (takes, value) {
        (Takes::Value, None) => {
            Err(Error::new(name.span(), format!("`{name}` needs a value: `{name} = …`")))
        }
        (Takes::Nothing, Some(value)) => {
            Err(Error::new_spanned(value, format!("`{name}` takes no value")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::{Known, Options, Takes};

    const KNOWN: &[Known] =
        &[("name", Takes::Value), ("read_only", Takes::Switch), ("strict", Takes::Nothing)];

    #[test]
    fn options_are_read_by_name() {
        let options = Options::parse(quote!(name = "a", read_only = false, strict,), KNOWN);
        let options = options.unwrap_or_default();
        assert_eq!(options.value("name").unwrap().to_string(), "\"a\"");
        assert_eq!(options.value("read_only").unwrap().to_string(), "false");
        assert!(options.find("strict").is_some());
        assert_eq!(options.value_or("title", Some("t")).unwrap().to_string(), "\"t\"");
        assert!(options.value("title").is_none());
    }

    #[test]
    fn faults_are_named() {
        for (tokens, message) in [
            (quote!(nmae = "a"), "unknown option `nmae`; known are `name`, `read_only`, `strict`"),
            (quote!(name), "`name` needs a value: `name = …`"),
            (quote!(strict = true), "`strict` takes no value"),
            (quote!(read_only, read_only), "`read_only` is given twice"),
        ] {
            let error = Options::parse(tokens, KNOWN).err().unwrap();
            assert_eq!(error.to_string(), message);
        }
    }
}
