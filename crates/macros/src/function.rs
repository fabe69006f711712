//! The function under a macro: its signature, and what each of its parameters takes.

mod parameter;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Result, ReturnType, Safety, Signature, Visibility,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

pub(crate) use self::parameter::{Data, Parameter, is_option};
use crate::{docs, errors::Errors};

/// The function under a macro.
pub(crate) struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    /// As the user wrote it, without the attributes of parameters that are for us.
    pub(crate) signature: Signature,
    body: TokenTree,
    /// One for each input of the signature.
    pub(crate) parameters: Vec<Parameter>,
}

/// The function before its parameters are understood.
struct Item {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    body: TokenTree,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        // The body goes through unread.
        let body: TokenTree = input.parse()?;
        match &body {
            // Without delimiters it is a block that came through a `macro_rules` fragment.
            TokenTree::Group(group)
                if matches!(group.delimiter(), Delimiter::Brace | Delimiter::None) =>
            {
                Ok(Self { attributes, visibility, signature, body })
            }
            other => Err(Error::new(other.span(), "the function needs a body")),
        }
    }
}

impl Function {
    /// Reads a function. A parameter of the type `raw` takes all arguments as they came.
    pub(crate) fn parse(item: TokenStream, raw: &str) -> Result<Self> {
        let Item { attributes, visibility, mut signature, body } = syn::parse2(item)?;
        let mut errors = Errors::default();
        check_signature(&signature, &mut errors);
        let mut parameters = Vec::new();
        for input in &mut signature.inputs {
            match input {
                FnArg::Typed(input) => {
                    parameters.extend(errors.take(Parameter::take(input, raw)));
                }
                FnArg::Receiver(receiver) => errors.push(Error::new_spanned(
                    receiver,
                    "a free function is needed: shared values come with `State<T>`",
                )),
            }
        }
        for name in ["Context", "Principal", raw] {
            let is_one = |parameter: &&Parameter| parameter.extractor(raw) == Some(name);
            if let Some(second) = parameters.iter().filter(is_one).nth(1) {
                errors.push(Error::new(second.span(), format!("`{name}` is taken twice")));
            }
        }
        errors.finish()?;
        Ok(Self { attributes, visibility, signature, body, parameters })
    }

    /// The function's name, as the client sees it if there is no other.
    pub(crate) fn name(&self) -> String {
        syn::ext::IdentExt::unraw(&self.signature.ident).to_string()
    }

    /// The doc comment as text.
    pub(crate) fn description(&self) -> Option<String> {
        docs::text(&self.attributes)
    }

    /// The parameters that take an argument each.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Data> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Data(data) => Some(&**data),
            _ => None,
        })
    }

    /// Whether a parameter takes all arguments as they came.
    pub(crate) fn takes_raw(&self) -> bool {
        self.parameters.iter().any(|parameter| matches!(parameter, Parameter::Raw(_)))
    }

    /// Puts a function that makes the route in place of the function, and the function itself under the
    /// same name as `name::call`.
    ///
    /// The name stays free for variables: a unit struct could not be shadowed by a binding, and a tool
    /// `city` would break every parameter of that name.
    pub(crate) fn expand(&self, route: &TokenStream, make: &TokenStream) -> TokenStream {
        let Self { attributes, visibility, signature, body, .. } = self;
        let name = &signature.ident;
        let is = |attribute: &&Attribute, names: &[&str]| {
            names.iter().any(|name| attribute.path().is_ident(name))
        };
        let conditions =
            attributes.iter().filter(|it| is(it, &["cfg", "cfg_attr"])).collect::<Vec<_>>();
        let docs = attributes.iter().filter(|it| is(it, &["doc", "deprecated"]));
        let others =
            attributes.iter().filter(|it| !is(it, &["cfg", "cfg_attr", "doc", "deprecated"]));
        let mut call = signature.clone();
        call.ident = syn::Ident::new("call", name.span());
        quote! {
            #(#conditions)*
            #(#docs)*
            #[must_use]
            #visibility fn #name() -> ::palisade::__private::server::#route {
                #make
            }

            #(#conditions)*
            #[doc = concat!("Holds the function behind [`", stringify!(#name), "()`].")]
            #[allow(non_camel_case_types, reason = "named after the function")]
            #[derive(Clone, Copy, Debug)]
            #[non_exhaustive]
            #visibility struct #name {}

            #(#conditions)*
            impl #name {
                /// The function itself.
                #[allow(
                    clippy::fn_params_excessive_bools,
                    clippy::missing_const_for_fn,
                    clippy::missing_errors_doc,
                    clippy::missing_panics_doc,
                    clippy::must_use_candidate,
                    clippy::needless_pass_by_value,
                    clippy::too_many_arguments,
                    clippy::unused_async,
                    reason = "arguments come owned and by name, and the caller is the server"
                )]
                #(#others)*
                #visibility #call #body
            }
        }
    }

    /// The type that the handler gives, for messages that point at it; `_` if it has no name.
    pub(crate) fn output(&self, fallible: bool) -> TokenStream {
        let output = match &self.signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, output) => quote!(#output),
        };
        match (names_no_type(output.clone()), fallible) {
            (true, _) => quote!(_),
            (false, false) => output,
            // As if the user had written it, so that a message about it points there.
            (false, true) => quote_spanned! {output.span()=>
                ::core::result::Result<#output, ::palisade::__private::server::HandlerError>
            },
        }
    }
}

fn names_no_type(output: TokenStream) -> bool {
    output.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "impl",
        TokenTree::Group(group) => names_no_type(group.stream()),
        _ => false,
    })
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        errors.push(Error::new_spanned(
            if signature.generics.params.is_empty() {
                quote!(#signature)
            } else {
                let generics = &signature.generics;
                quote!(#generics)
            },
            "the function cannot be generic: its arguments need one schema",
        ));
    }
    if let Some(word) = &signature.constness {
        errors.push(Error::new_spanned(word, "the function cannot be `const`"));
    }
    if let Safety::Unsafe(word) = &signature.safety {
        errors
            .push(Error::new_spanned(word, "the function cannot be `unsafe`: any client calls it"));
    }
    if let Some(abi) = &signature.abi {
        errors.push(Error::new_spanned(abi, "the function cannot have another abi"));
    }
    if let Some(dots) = &signature.variadic {
        errors.push(Error::new_spanned(dots, "the function cannot be variadic"));
    }
}
