//! Doc comments as text for the model.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments up to the first heading: what follows one (`# Errors`, `# Examples`)
/// is for the readers of the code. `None` if there is no text.
pub(crate) fn text(attributes: &[Attribute]) -> Option<String> {
    let literals = attributes.iter().filter_map(literal).collect::<Vec<_>>();
    let lines = literals.iter().flat_map(|text| text.split('\n')).collect::<Vec<_>>();
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or_default();
    let mut fenced = false;
    let text = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default().trim_end())
        .take_while(|line| {
            fenced ^= line.starts_with("```");
            fenced || !line.starts_with("# ")
        })
        .collect::<Vec<_>>()
        .join("\n");
    let text = text.trim_matches('\n');
    (!text.is_empty()).then(|| text.to_owned())
}

fn literal(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::{Attribute, parse_quote};

    fn check(attributes: &[Attribute], expected: Option<&str>) {
        assert_eq!(super::text(attributes).as_deref(), expected);
    }

    #[test]
    fn text_ends_at_the_first_heading() {
        check(&[], None);
        check(&[parse_quote!(#[doc = ""])], None);
        check(&[parse_quote!(#[doc = " # Errors"]), parse_quote!(#[doc = " Never."])], None);
        check(&[parse_quote!(#[doc = " One."]), parse_quote!(#[must_use])], Some("One."));
        check(
            &[
                parse_quote!(#[doc = " One."]),
                parse_quote!(#[doc = ""]),
                parse_quote!(#[doc = " - two"]),
                parse_quote!(#[doc = "   more"]),
                parse_quote!(#[doc = ""]),
                parse_quote!(#[doc = " # Errors"]),
                parse_quote!(#[doc = " Three."]),
            ],
            Some("One.\n\n- two\n  more"),
        );
        check(
            &[parse_quote!(#[doc = "```sh\n# a comment\n```\n# Panics\nnever"])],
            Some("```sh\n# a comment\n```"),
        );
    }
}
