//! What the macros refuse, and in which words.

use proc_macro2::TokenStream;
use quote::quote;

type Macro = fn(TokenStream, TokenStream) -> syn::Result<TokenStream>;

/// Expands `item` under the macro; `expected` are the messages, all of them.
fn check(expand: Macro, options: TokenStream, item: TokenStream, expected: &[&str]) {
    let text = item.to_string();
    let messages = match expand(options, item) {
        Ok(_) => Vec::new(),
        Err(error) => error.into_iter().map(|error| error.to_string()).collect(),
    };
    assert_eq!(messages, expected, "{text}");
}

#[test]
fn functions_that_cannot_be_called_by_name_are_refused() {
    let tool = |item, expected: &[&str]| check(super::tool::expand, quote!(), item, expected);
    tool(
        quote!(
            fn f(a: u8, mut b: Option<String>, _: Context) {}
        ),
        &[],
    );
    tool(
        quote!(
            fn f(&self, a: u8) {}
        ),
        &["a free function is needed: shared values come with `State<T>`"],
    );
    tool(
        quote!(
            fn f<T>(a: T, (b, c): (u8, u8)) {}
        ),
        &[
            "the function cannot be generic: its arguments need one schema",
            "an argument needs a name, by which the client gives it",
        ],
    );
    tool(
        quote!(
            fn f()
            where
                u8: Copy,
            {
            }
        ),
        &["the function cannot be generic: its arguments need one schema"],
    );
    tool(
        quote!(
            const unsafe extern "C" fn f() {}
        ),
        &[
            "the function cannot be `const`",
            "the function cannot be `unsafe`: any client calls it",
            "the function cannot have another abi",
        ],
    );
    tool(
        quote!(
            fn f(a: impl Copy, b: &str, c: &[u8], d: &Context) {}
        ),
        &[
            "an argument has one type: `impl Trait` names none",
            "arguments are owned: use `String`",
            "arguments are owned: take a value, not a reference",
            "take it by value: it is cheap to clone",
        ],
    );
    tool(
        quote!(
            fn f(_: u8) {}
        ),
        &["an argument needs a name, by which the client gives it"],
    );
    tool(
        quote!(
            fn f(#[cfg(unix)] a: u8) {}
        ),
        &["a parameter cannot be conditional: write the function twice"],
    );
    tool(
        quote!(
            fn f(a: u8);
        ),
        &["the function needs a body"],
    );
    tool(
        quote!(
            struct S;
        ),
        &["expected `fn`"],
    );
}

#[test]
fn extractors_are_checked() {
    let tool = |item, expected: &[&str]| check(super::tool::expand, quote!(), item, expected);
    tool(
        quote!(
            fn f(a: State<u8>, b: State<u16>) {}
        ),
        &[],
    );
    tool(
        quote!(
            fn f(a: State) {}
        ),
        &["write the state's type: `State<T>`"],
    );
    tool(
        quote!(
            fn f(a: Context, b: palisade::Context) {}
        ),
        &["`Context` is taken twice"],
    );
    tool(
        quote!(
            fn f(#[header("A")] a: Context) {}
        ),
        &["not an argument of the client: no attribute applies to it"],
    );
    tool(
        quote!(
            fn f(a: RawArguments) {}
        ),
        &["`RawArguments` needs a schema: `#[tool(schema = …)]` with a JSON value"],
    );
    let raw = |options, item, expected: &[&str]| {
        check(super::tool::expand, options, item, expected);
    };
    raw(
        quote!(schema = x()),
        quote!(
            fn f(a: RawArguments) {}
        ),
        &[],
    );
    raw(
        quote!(schema = x()),
        quote!(
            fn f(a: RawArguments, b: u8) {}
        ),
        &["`RawArguments` takes all arguments: no other can be taken beside it"],
    );
    raw(
        quote!(schema = x(), strict),
        quote!(
            fn f(a: RawArguments) {}
        ),
        &["the schema says what `RawArguments` may hold"],
    );
    raw(
        quote!(schema = x()),
        quote!(
            fn f() {}
        ),
        &["`schema` goes with a parameter of the type `RawArguments`"],
    );
}

#[test]
fn tasks_have_the_names_of_the_specification() {
    let task = |options, expected: &[&str]| {
        check(
            super::tool::expand,
            options,
            quote!(
                fn f() {}
            ),
            expected,
        );
    };
    let refused = &["`task` is \"optional\", \"required\" or \"forbidden\""];
    for named in [quote!(task = "optional"), quote!(task = "required"), quote!(task = "forbidden")]
    {
        task(named, &[]);
    }
    for misnamed in [quote!(task = "Optional"), quote!(task = true), quote!(task = OPTIONAL)] {
        task(misnamed, refused);
    }
    task(quote!(task), &["`task` needs a value: `task = …`"]);
}

#[test]
fn headers_have_names() {
    let tool = |item, expected: &[&str]| check(super::tool::expand, quote!(), item, expected);
    tool(
        quote!(
            fn f(#[header("Region-2")] a: String) {}
        ),
        &[],
    );
    for item in [
        quote!(
            fn f(#[header("")] a: String) {}
        ),
        quote!(
            fn f(#[header("a b")] a: String) {}
        ),
        quote!(
            fn f(#[header("a\r\nb: c")] a: String) {}
        ),
    ] {
        tool(item, &["a header's name is made of letters, digits and `-`"]);
    }
    tool(
        quote!(
            fn f(
                #[header("A")]
                #[header("B")]
                a: String,
            ) {
            }
        ),
        &["an argument has one header"],
    );
}

#[test]
fn prompts_have_no_schema() {
    let prompt = |item, expected: &[&str]| check(super::prompt::expand, quote!(), item, expected);
    prompt(
        quote!(
            fn f(a: u8, b: Option<u8>, c: PromptArguments) {}
        ),
        &[],
    );
    prompt(
        quote!(
            fn f(#[serde(default)] a: String, #[header("A")] b: String) {}
        ),
        &["a prompt's arguments are text, without a schema", "only a tool's argument has a header"],
    );
}

#[test]
fn variables_and_parameters_are_the_same() {
    let resource = |uri: &str, item, expected: &[&str]| {
        check(super::resource::expand, quote!(#uri), item, expected);
    };
    resource(
        "a://{b}/{+c}",
        quote!(
            fn f(c: String, b: u8) {}
        ),
        &[],
    );
    resource(
        "a://{b}/{c}",
        quote!(
            fn f(all: TemplateVariables, b: u8) {}
        ),
        &[],
    );
    resource(
        "a://{b}",
        quote!(
            fn f(c: String) {}
        ),
        &["the uri has no variable `{c}`", "no parameter takes the variable `b`"],
    );
    resource(
        "a://{b}",
        quote!(
            fn f(b: Option<u8>) {}
        ),
        &["a variable of the uri is always there: it needs no `Option`"],
    );
    resource(
        "a://{b",
        quote!(
            fn f() {}
        ),
        &["a brace in the template is not closed"],
    );
    resource(
        "a://b",
        quote!(
            fn f(all: TemplateVariables) {}
        ),
        &["the uri has no variables to take"],
    );
    let missing = "the uri comes first: `#[resource(\"scheme://path\")]`";
    check(
        super::resource::expand,
        quote!(name = "x"),
        quote!(
            fn f() {}
        ),
        &[missing],
    );
}
