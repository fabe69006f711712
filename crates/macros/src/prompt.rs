//! `#[prompt]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result, ext::IdentExt};

use crate::{
    docs,
    errors::Errors,
    function::{Data, Function, is_option},
    handler::{handler, needs_state, raw_variable},
    options::{Known, Options, Takes},
};

const KNOWN: &[Known] =
    &[("name", Takes::Value), ("title", Takes::Value), ("description", Takes::Value)];

/// What stands in place of the function.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(options, KNOWN)?;
    let function = Function::parse(item, "PromptArguments")?;
    check(&function)?;
    let name = options.value("name").unwrap_or_else(|| {
        let name = function.name();
        quote!(#name)
    });
    let description = options.value_or("description", function.description().as_deref());
    let description = description.map(|text| quote!(.with_description(#text)));
    let title = options.value("title").map(|text| quote!(.with_title(#text)));
    let declared = function.data().map(declaration);
    let raw = raw_variable();
    let handler = handler(&function, Some(&read));
    let (context, future, output) = (&handler.context, &handler.future, &handler.output);
    let arguments = if function.takes_raw() || function.data().next().is_some() {
        quote!(#raw)
    } else {
        quote!(_)
    };
    let needs_state = needs_state(&function);
    let make = quote! {
        ::palisade::__private::server::PromptRoute::new::<#output, _, _>(
            ::palisade::__private::protocol::Prompt::new(#name) #title #description #(#declared)*,
            |#arguments: ::palisade::__private::server::PromptArguments,
             #context: ::palisade::__private::server::Context| #future,
        )
        #needs_state
    };
    Ok(function.expand(&quote!(PromptRoute), &make))
}

/// Reads one argument, text, as the parameter's type.
fn read(data: &Data) -> TokenStream {
    let (raw, name) = (raw_variable(), argument_name(data));
    match is_option(&data.ty) {
        Some(ty) => quote!(#raw.parse_optional::<#ty>(#name)),
        None => {
            let ty = &data.ty;
            quote!(#raw.parse::<#ty>(#name))
        }
    }
}

fn declaration(data: &Data) -> TokenStream {
    let name = argument_name(data);
    let constructor = if is_option(&data.ty).is_some() { quote!(new) } else { quote!(required) };
    let description = docs::text(&data.attributes).map(|text| quote!(.with_description(#text)));
    quote! {
        .with_argument(
            ::palisade::__private::protocol::PromptArgument::#constructor(#name) #description
        )
    }
}

fn argument_name(data: &Data) -> String {
    data.name.unraw().to_string()
}

fn check(function: &Function) -> Result<()> {
    let mut errors = Errors::default();
    for data in function.data() {
        no_schema(data, "a prompt's arguments are text, without a schema", &mut errors);
    }
    errors.finish()
}

/// Refuses what says something about a schema, where there is none.
pub(crate) fn no_schema(data: &Data, message: &str, errors: &mut Errors) {
    for attribute in data.attributes.iter().filter(|it| !it.path().is_ident("doc")) {
        errors.push(Error::new_spanned(attribute, message));
    }
    if let Some(header) = &data.header {
        errors.push(Error::new(header.span(), "only a tool's argument has a header"));
    }
}
