//! `#[tool]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

use crate::{
    function::{Data, Function, Parameter},
    handler::{handler, needs_state, raw_variable, variable},
    options::{Known, Options, Takes},
};

const KNOWN: &[Known] = &[
    ("name", Takes::Value),
    ("title", Takes::Value),
    ("description", Takes::Value),
    ("read_only", Takes::Switch),
    ("destructive", Takes::Switch),
    ("idempotent", Takes::Switch),
    ("open_world", Takes::Switch),
    ("strict", Takes::Nothing),
    ("schema", Takes::Value),
    ("task", Takes::Value),
];

/// What stands in place of the function.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(options, KNOWN)?;
    let function = Function::parse(item, "RawArguments")?;
    check(&options, &function)?;
    let name = options.value("name").unwrap_or_else(|| {
        let name = function.name();
        quote!(#name)
    });
    let route = if function.takes_raw() {
        dynamic(&name, &options, &function)
    } else {
        typed(&name, &options, &function)
    };
    let description = options.value_or("description", function.description().as_deref());
    let description = description.map(|text| quote!(.with_description(#text)));
    let title = options.value("title").map(|text| quote!(.with_title(#text)));
    let annotations = annotations(&options);
    let task = task(&options)?;
    let needs_state = needs_state(&function);
    let make = quote!(#route #title #description #annotations #task #needs_state);
    Ok(function.expand(&quote!(ToolRoute), &make))
}

fn check(options: &Options, function: &Function) -> Result<()> {
    if !function.takes_raw() {
        return match options.find("schema") {
            Some(option) => {
                let message = "`schema` goes with a parameter of the type `RawArguments`";
                Err(Error::new(option.span(), message))
            }
            None => Ok(()),
        };
    }
    if let Some(data) = function.data().next() {
        let message = "`RawArguments` takes all arguments: no other can be taken beside it";
        return Err(Error::new(data.name.span(), message));
    }
    if let Some(option) = options.find("strict") {
        let message = "the schema says what `RawArguments` may hold";
        return Err(Error::new(option.span(), message));
    }
    if options.find("schema").is_none() {
        let raw = function.parameters.iter().find(|it| matches!(it, Parameter::Raw(_)));
        let span = raw.map_or_else(proc_macro2::Span::call_site, Parameter::span);
        let message = "`RawArguments` needs a schema: `#[tool(schema = …)]` with a JSON value";
        return Err(Error::new(span, message));
    }
    Ok(())
}

/// A route whose arguments decode into a struct of the parameters.
fn typed(name: &TokenStream, options: &Options, function: &Function) -> TokenStream {
    let strict = options.find("strict").map(|_| quote!(#[serde(deny_unknown_fields)]));
    let fields = function.data().map(field);
    let bindings = function.parameters.iter().enumerate().filter_map(|(index, parameter)| {
        let Parameter::Data(data) = parameter else { return None };
        let (field, variable) = (&data.name, variable(index));
        Some(quote!(#field: #variable))
    });
    let handler = handler(function, None);
    let (context, future, output) = (&handler.context, &handler.future, &handler.output);
    quote! {
        #[derive(
            ::palisade::__private::serde::Deserialize,
            ::palisade::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::palisade::__private::serde", expecting = "an object of arguments")]
        #[schemars(crate = "::palisade::__private::schemars")]
        #strict
        struct __ToolArguments {
            #(#fields,)*
        }

        ::palisade::__private::server::ToolRoute::typed::<__ToolArguments, #output, _, _>(
            #name,
            |__ToolArguments { #(#bindings),* }: __ToolArguments,
             #context: ::palisade::__private::server::Context| #future,
        )
    }
}

fn field(data: &Data) -> TokenStream {
    let Data { name, ty, attributes, header } = data;
    let header =
        header.as_ref().map(|header| quote!(#[schemars(extend("x-mcp-header" = #header))]));
    quote!(#(#attributes)* #header #name: #ty)
}

/// A route whose arguments stay as they are, under a schema that is JSON.
fn dynamic(name: &TokenStream, options: &Options, function: &Function) -> TokenStream {
    let schema = options.value("schema");
    let handler = handler(function, None);
    let (context, future, output) = (&handler.context, &handler.future, &handler.output);
    let arguments = raw_variable();
    quote! {
        ::palisade::__private::server::ToolRoute::dynamic::<#output, _, _>(
            #name,
            #schema,
            |#arguments: ::palisade::__private::server::RawArguments,
             #context: ::palisade::__private::server::Context| #future,
        )
    }
}

/// Whether the tool runs as a task, by the names that the specification gave it.
fn task(options: &Options) -> Result<Option<TokenStream>> {
    let Some(value) = options.value("task") else { return Ok(None) };
    let support = match syn::parse2::<LitStr>(value.clone()).map(|name| name.value()).as_deref() {
        Ok("optional") => quote!(Optional),
        Ok("required") => quote!(Required),
        Ok("forbidden") => quote!(Forbidden),
        _ => {
            let message = "`task` is \"optional\", \"required\" or \"forbidden\"";
            return Err(Error::new_spanned(value, message));
        }
    };
    Ok(Some(quote! {
        .with_task_support(::palisade::__private::server::TaskSupport::#support)
    }))
}

/// The hints about effects; none if no option is given.
fn annotations(options: &Options) -> Option<TokenStream> {
    let hints = [
        ("read_only", quote!(with_read_only)),
        ("destructive", quote!(with_destructive)),
        ("idempotent", quote!(with_idempotent)),
        ("open_world", quote!(with_open_world)),
    ]
    .into_iter()
    .filter_map(|(option, setter)| options.value(option).map(|value| quote!(.#setter(#value))))
    .collect::<TokenStream>();
    (!hints.is_empty()).then(|| {
        quote! {
            .with_annotations(::palisade::__private::protocol::ToolAnnotations::new() #hints)
        }
    })
}
