//! One parameter: an extractor, known by its type's name, or an argument.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Attribute, Error, GenericArgument, Ident, LitStr, Pat, PatType, PathArguments, Result, Type,
    spanned::Spanned,
};

/// What a parameter takes.
pub(crate) enum Parameter {
    /// `Context`.
    Context(Span),
    /// `Principal`.
    Principal(Span),
    /// `State<T>`, with its `T`.
    State(Box<Type>),
    /// All arguments as they came.
    Raw(Span),
    /// One argument.
    Data(Box<Data>),
}

/// A parameter that takes one argument.
pub(crate) struct Data {
    /// The name.
    pub(crate) name: Ident,
    /// The type.
    pub(crate) ty: Type,
    /// `#[doc]`, `#[schemars]` and `#[serde]`.
    pub(crate) attributes: Vec<Attribute>,
    /// `#[header("…")]`.
    pub(crate) header: Option<LitStr>,
}

impl Parameter {
    /// Understands one parameter, and takes away the attributes that only we understand.
    pub(crate) fn take(input: &mut PatType, raw: &str) -> Result<Self> {
        let (ours, rest) = std::mem::take(&mut input.attrs).into_iter().partition(is_ours);
        input.attrs = rest;
        if let Some(condition) = input.attrs.iter().find(|it| it.path().is_ident("cfg")) {
            let message = "a parameter cannot be conditional: write the function twice";
            return Err(Error::new_spanned(condition, message));
        }
        if let Some(extractor) = Self::known(&input.ty, raw)? {
            return match ours.first() {
                Some(attribute) => {
                    let message = "not an argument of the client: no attribute applies to it";
                    Err(Error::new_spanned(attribute, message))
                }
                None => Ok(extractor),
            };
        }
        check_type(&input.ty, raw)?;
        let name = match &*input.pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                pattern.ident.clone()
            }
            pattern => {
                let message = "an argument needs a name, by which the client gives it";
                return Err(Error::new_spanned(pattern, message));
            }
        };
        let (headers, attributes): (Vec<_>, Vec<_>) =
            ours.into_iter().partition(|it| it.path().is_ident("header"));
        let header = header(&headers)?;
        let ty = (*input.ty).clone();
        Ok(Self::Data(Box::new(Data { name, ty, attributes, header })))
    }

    /// The extractor that a type is, by the last segment of its path.
    fn known(ty: &Type, raw: &str) -> Result<Option<Self>> {
        let Some((name, arguments)) = last_segment(ty) else { return Ok(None) };
        let span = ty.span();
        let extractor = match name.to_string().as_str() {
            "Context" => Self::Context(span),
            "Principal" => Self::Principal(span),
            "State" => match single_type(arguments) {
                Some(state) => Self::State(Box::new(state.clone())),
                None => return Err(Error::new_spanned(ty, "write the state's type: `State<T>`")),
            },
            name if name == raw => Self::Raw(span),
            _ => return Ok(None),
        };
        Ok(Some(extractor))
    }

    /// The name of an extractor that stands for itself.
    pub(crate) fn extractor<'a>(&self, raw: &'a str) -> Option<&'a str> {
        match self {
            Self::Context(_) => Some("Context"),
            Self::Principal(_) => Some("Principal"),
            Self::Raw(_) => Some(raw),
            Self::State(_) | Self::Data(_) => None,
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Context(span) | Self::Principal(span) | Self::Raw(span) => *span,
            Self::State(ty) => ty.span(),
            Self::Data(data) => data.name.span(),
        }
    }
}

/// The type within an `Option`.
pub(crate) fn is_option(ty: &Type) -> Option<&Type> {
    let (name, arguments) = last_segment(ty)?;
    (name == "Option").then(|| single_type(arguments)).flatten()
}

fn is_ours(attribute: &Attribute) -> bool {
    ["doc", "schemars", "serde", "header"].iter().any(|name| attribute.path().is_ident(name))
}

fn last_segment(ty: &Type) -> Option<(&Ident, &PathArguments)> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|segment| (&segment.ident, &segment.arguments))
        }
        // A type that came through a `macro_rules` fragment.
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

fn single_type(arguments: &PathArguments) -> Option<&Type> {
    match arguments {
        PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
            match arguments.args.first() {
                Some(GenericArgument::Type(ty)) => Some(ty),
                _ => None,
            }
        }
        _ => None,
    }
}

fn check_type(ty: &Type, raw: &str) -> Result<()> {
    let refuse = |message: &str| Err(Error::new_spanned(ty, message));
    match ty {
        Type::ImplTrait(_) => refuse("an argument has one type: `impl Trait` names none"),
        Type::Reference(reference) => match Parameter::known(&reference.elem, raw)? {
            Some(_) => refuse("take it by value: it is cheap to clone"),
            None if reference.elem.to_token_stream().to_string() == "str" => {
                refuse("arguments are owned: use `String`")
            }
            None => refuse("arguments are owned: take a value, not a reference"),
        },
        _ => Ok(()),
    }
}

/// The name in `#[header("Name")]`, which becomes the header `Mcp-Param-Name`.
fn header(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    if let Some(second) = attributes.get(1) {
        return Err(Error::new_spanned(second, "an argument has one header"));
    }
    let Some(attribute) = attributes.first() else { return Ok(None) };
    let name: LitStr = attribute.parse_args()?;
    let text = name.value();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(Error::new(name.span(), "a header's name is made of letters, digits and `-`"));
    }
    Ok(Some(name))
}
