//! The closure that a route runs: takes what the parameters ask for, and calls the function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use crate::function::{Data, Function, Parameter};

/// A closure's parts.
pub(crate) struct Handler {
    /// The pattern of the closure's context.
    pub(crate) context: TokenStream,
    /// What the closure returns: a future.
    pub(crate) future: TokenStream,
    /// What the future gives.
    pub(crate) output: TokenStream,
}

/// The variable that holds the argument at `index`. Named by us, since a name of the user's may mean
/// something else where the code stands.
pub(crate) fn variable(index: usize) -> Ident {
    format_ident!("argument_{index}", span = Span::mixed_site())
}

/// The variable that holds all arguments as they came.
pub(crate) fn raw_variable() -> Ident {
    Ident::new("arguments", Span::mixed_site())
}

/// The handler of a function. `read` gives the expression, a `Result`, that reads one argument; without
/// it the variables are there already.
pub(crate) fn handler(function: &Function, read: Option<&dyn Fn(&Data) -> TokenStream>) -> Handler {
    let context = Ident::new("context", Span::mixed_site());
    let mut statements = TokenStream::new();
    let mut arguments = Vec::new();
    let mut uses_context = false;
    let mut fallible = false;
    for (index, parameter) in function.parameters.iter().enumerate() {
        let variable = variable(index);
        uses_context |= !matches!(parameter, Parameter::Raw(_) | Parameter::Data(_));
        match parameter {
            Parameter::Context(_) => {
                arguments.push(quote!(#context));
                continue;
            }
            Parameter::Raw(_) => {
                let raw = raw_variable();
                arguments.push(quote!(#raw));
                continue;
            }
            Parameter::Principal(_) => statements.extend(quote! {
                let #variable = ::core::clone::Clone::clone(#context.principal());
            }),
            Parameter::State(state) => {
                fallible = true;
                statements.extend(quote!(let #variable = #context.state::<#state>()?;));
            }
            Parameter::Data(data) => {
                if let Some(read) = read {
                    fallible = true;
                    let value = read(data);
                    statements.extend(quote!(let #variable = #value?;));
                }
            }
        }
        arguments.push(quote!(#variable));
    }
    let name = &function.signature.ident;
    let call = quote!(#name::call(#(#arguments),*));
    let is_async = function.signature.asyncness.is_some();
    let value = if is_async { quote!(#call.await) } else { call.clone() };
    let future = match (fallible, is_async) {
        // The function's own future, without another around it.
        (false, true) => quote!({ #statements #call }),
        (false, false) => quote!(async move { #statements #value }),
        (true, _) => quote! {
            async move {
                #statements
                ::core::result::Result::<_, ::palisade::__private::server::HandlerError>::Ok(#value)
            }
        },
    };
    let context = if uses_context { quote!(#context) } else { quote!(_) };
    Handler { context, future, output: function.output(fallible) }
}

/// `.needs_state::<T>()` for each state that the function takes.
pub(crate) fn needs_state(function: &Function) -> TokenStream {
    let states = function.parameters.iter().filter_map(|parameter| match parameter {
        Parameter::State(state) => Some(state),
        _ => None,
    });
    quote!(#(.needs_state::<#states>())*)
}
