//! The protocol revisions, and which of them an engine speaks.

use std::fmt;

/// A revision of the protocol that palisade knows.
///
/// # Specification
///
/// MCP 2026-07-28, Versioning and Compatibility, "Terminology".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05, with the HTTP+SSE transport.
    V2024_11_05,
    /// 2025-03-26, the first with Streamable HTTP.
    V2025_03_26,
    /// 2025-06-18.
    V2025_06_18,
    /// 2025-11-25, the last with an `initialize` handshake.
    V2025_11_25,
    /// 2026-07-28: stateless, every request carries its metadata.
    V2026_07_28,
}

impl ProtocolVersion {
    /// The newest revision.
    pub const LATEST: Self = Self::V2026_07_28;

    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The revision of this name, compared exactly.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name)
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether requests carry their own metadata instead of belonging to an initialized session.
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which revisions an engine speaks.
///
/// An engine that serves a single kind of peer has less to attack: without the older revisions there are no
/// sessions, without the newest there is no request that carries its own metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Eras {
    /// All of them, the newest first. The default.
    #[default]
    Both,
    /// Only those without an `initialize` handshake.
    ModernOnly,
    /// Only those with an `initialize` handshake.
    LegacyOnly,
}

impl Eras {
    /// The revisions, newest first.
    #[must_use]
    pub const fn versions(self) -> &'static [ProtocolVersion] {
        use ProtocolVersion as V;
        match self {
            Self::Both => {
                &[V::V2026_07_28, V::V2025_11_25, V::V2025_06_18, V::V2025_03_26, V::V2024_11_05]
            }
            Self::ModernOnly => &[V::V2026_07_28],
            Self::LegacyOnly => &[V::V2025_11_25, V::V2025_06_18, V::V2025_03_26, V::V2024_11_05],
        }
    }

    /// Whether requests that carry their own metadata are spoken.
    #[must_use]
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::Both | Self::ModernOnly)
    }

    /// Whether sessions that begin with `initialize` are spoken.
    #[must_use]
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::Both | Self::LegacyOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::{Eras, ProtocolVersion};

    #[test]
    fn eras_divide_the_revisions() {
        for version in ProtocolVersion::ALL {
            assert!(Eras::Both.versions().contains(&version));
            assert_eq!(Eras::ModernOnly.versions().contains(&version), version.is_modern());
            assert_eq!(Eras::LegacyOnly.versions().contains(&version), !version.is_modern());
        }
        for eras in [Eras::Both, Eras::ModernOnly, Eras::LegacyOnly] {
            let versions = eras.versions();
            assert!(versions.is_sorted_by(|newer, older| newer > older), "{eras:?}");
            assert_eq!(eras.is_modern(), versions.iter().any(|version| version.is_modern()));
            assert_eq!(eras.is_legacy(), versions.iter().any(|version| !version.is_modern()));
        }
    }

    #[test]
    fn names_round_trip_and_nothing_else_parses() {
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::parse(version.as_str()), Some(version));
            assert_eq!(version.is_modern(), version == ProtocolVersion::LATEST);
        }
        for name in ["", "2026-07-29", "2026-07-28 ", "DRAFT-2026-v1", "2026-7-28"] {
            assert_eq!(ProtocolVersion::parse(name), None, "{name}");
        }
    }
}
