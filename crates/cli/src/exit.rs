//! Exit codes: part of the interface, as scripts depend on them.

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well; there may be warnings.
    Good,
    /// Something was found, or the server refused.
    Found,
    /// The command line is wrong.
    Usage,
    /// The file or the server could not be examined.
    Unreachable,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
        }
    }
}
