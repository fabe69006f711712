//! `#[resource]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, LitStr, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

use crate::{
    errors::Errors,
    function::{Data, Function, is_option},
    handler::{handler, needs_state, raw_variable},
    options::{Known, Options, Takes},
    prompt::no_schema,
};

const KNOWN: &[Known] = &[
    ("name", Takes::Value),
    ("title", Takes::Value),
    ("description", Takes::Value),
    ("mime_type", Takes::Value),
];

/// `"uri", name = "…"`.
struct Attribute {
    uri: LitStr,
    options: Options,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let uri = input.parse().map_err(|error| {
            Error::new(error.span(), "the uri comes first: `#[resource(\"scheme://path\")]`")
        })?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        let options = Options::parse(input.parse()?, KNOWN)?;
        Ok(Self { uri, options })
    }
}

/// What stands in place of the function.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let Attribute { uri, options } = syn::parse2(attribute)?;
    let function = Function::parse(item, "TemplateVariables")?;
    let variables = variables(&uri)?;
    let is_template = !variables.is_empty();
    check(&uri, &variables, &function)?;
    let name = options.value("name").unwrap_or_else(|| {
        let name = function.name();
        quote!(#name)
    });
    let description = options.value_or("description", function.description().as_deref());
    let description = description.map(|text| quote!(.with_description(#text)));
    let title = options.value("title").map(|text| quote!(.with_title(#text)));
    let mime_type = options.value("mime_type").map(|text| quote!(.with_mime_type(#text)));
    let handler = handler(&function, Some(&read));
    let (context, future, output) = (&handler.context, &handler.future, &handler.output);
    let needs_state = needs_state(&function);
    let (route, definition) = if is_template {
        (quote!(ResourceTemplateRoute), quote!(ResourceTemplate))
    } else {
        (quote!(ResourceRoute), quote!(Resource))
    };
    let arguments = is_template.then(|| {
        let raw = raw_variable();
        quote!(#raw: ::palisade::__private::server::TemplateVariables,)
    });
    let make = quote! {
        ::palisade::__private::server::#route::new::<#output, _, _>(
            ::palisade::__private::protocol::#definition::new(#uri, #name)
                #title #description #mime_type,
            |#arguments #context: ::palisade::__private::server::Context| #future,
        )
        #needs_state
    };
    Ok(function.expand(&route, &make))
}

/// Reads one variable as the parameter's type.
fn read(data: &Data) -> TokenStream {
    let (raw, name, ty) = (raw_variable(), data.name.unraw().to_string(), &data.ty);
    quote!(#raw.parse::<#ty>(#name))
}

/// The names of a template's variables. The rest of a template's grammar is for the server to check.
fn variables(uri: &LitStr) -> Result<Vec<String>> {
    let text = uri.value();
    let mut names = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| Error::new(uri.span(), "a brace in the template is not closed"))?;
        names.push(name.trim_start_matches('+').to_owned());
        rest = after;
    }
    Ok(names)
}

/// Parameters and variables are the same names.
fn check(uri: &LitStr, variables: &[String], function: &Function) -> Result<()> {
    let mut errors = Errors::default();
    for data in function.data() {
        no_schema(data, "a variable is text, without a schema", &mut errors);
        let name = data.name.unraw().to_string();
        if !variables.contains(&name) {
            let message = format!("the uri has no variable `{{{name}}}`");
            errors.push(Error::new(data.name.span(), message));
        }
        if is_option(&data.ty).is_some() {
            let message = "a variable of the uri is always there: it needs no `Option`";
            errors.push(Error::new_spanned(&data.ty, message));
        }
    }
    if function.takes_raw() {
        if variables.is_empty() {
            errors.push(Error::new(uri.span(), "the uri has no variables to take"));
        }
        return errors.finish();
    }
    for name in variables {
        if !function.data().any(|data| data.name.unraw() == name.as_str()) {
            let message = format!("no parameter takes the variable `{name}`");
            errors.push(Error::new(uri.span(), message));
        }
    }
    errors.finish()
}
