//! The attribute macros of the palisade MCP stack: `#[tool]`, `#[prompt]` and `#[resource]`.
//!
//! Use them through the `palisade` crate, which their output refers to.

mod docs;
mod errors;
mod function;
mod handler;
mod options;
mod prompt;
mod resource;
mod tool;

use proc_macro::TokenStream;

/// tool
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(tool::expand(attribute.into(), item.into()))
}

/// prompt
#[proc_macro_attribute]
pub fn prompt(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(prompt::expand(attribute.into(), item.into()))
}

/// resource
#[proc_macro_attribute]
pub fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(resource::expand(attribute.into(), item.into()))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
