//! Which names tools and prompts may have.

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 128;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Empty or longer than 128 bytes.
    #[error("a name has 1 to 128 characters")]
    Length,
    /// Something other than `A-Z a-z 0-9 _ - .`: letters of other scripts only look like these, and
    /// blanks or slashes read differently in other layers.
    #[error("a name is made of A-Z, a-z, 0-9, `_`, `-` and `.`")]
    Character,
    /// Begins with `rpc.` or `mcp.`, which belong to JSON-RPC and to the protocol.
    #[error("names that begin with `rpc.` or `mcp.` are reserved")]
    Reserved,
}

/// Checks one name.
///
/// # Specification
///
/// MCP 2026-07-28, Tools, "Tool Names".
pub(crate) fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(NameError::Length);
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
        return Err(NameError::Character);
    }
    let reserved =
        |prefix: &str| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if reserved("rpc.") || reserved("mcp.") {
        return Err(NameError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NameError, check};

    #[test]
    fn only_plain_names_pass() {
        for name in ["add", "DATA_EXPORT_v2", "admin.tools.list", "a", &"x".repeat(128), "mcp-tool"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for (name, error) in [
            ("", NameError::Length),
            (&*"x".repeat(129), NameError::Length),
            (&*"x".repeat(1024), NameError::Length),
            ("a b", NameError::Character),
            ("a/b", NameError::Character),
            ("a\r\nb", NameError::Character),
            ("аdd", NameError::Character),
            ("rpc.discover", NameError::Reserved),
            ("MCP.x", NameError::Reserved),
        ] {
            assert_eq!(check(name), Err(error), "{name}");
        }
    }
}
