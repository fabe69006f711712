//! Paths, judged by their text alone: what is well formed, and what lies below a directory.

use std::fmt;

/// Which system's file names a path is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathStyle {
    /// `/` separates, every other character may stand in a name.
    Posix,
    /// Drive letters, no device names, no streams, no names that end in a dot or a blank. Separated by `/`
    /// here as well: `\` is refused everywhere, because not every layer takes it for a separator.
    Windows,
}

impl PathStyle {
    /// That of the system this program runs on.
    pub const NATIVE: Self = if cfg!(windows) { Self::Windows } else { Self::Posix };
}

/// A directory that paths must lie in, compared component by component and with regard to case:
/// `/data` holds `/data/a` and itself, and neither `/data-secret` nor `/DATA/a`.
///
/// The verdict is about the text. What a symbolic link makes of the path is for whoever opens it: see
/// `palisade::files` (feature `path-files`).
///
/// Where the file system does not tell case apart, this refuses more than it must.
#[derive(Clone, PartialEq, Eq)]
pub struct AllowedDir {
    /// Without a slash at the end: empty for `/` and for `.`.
    text: Box<str>,
    absolute: bool,
    style: PathStyle,
}

/// Why a path is refused. Safe to send and to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The path has parts that two readers may read differently: a dot segment, a backslash, a control
    /// character, an empty component, an encoded separator, or a name that is none on this system.
    #[error("path is malformed")]
    Malformed,
    /// The path lies elsewhere.
    #[error("path is outside of the allowed directory")]
    Outside,
}

impl PathError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_path",
            Self::Outside => "path_not_authorized",
        }
    }
}

impl AllowedDir {
    /// A directory of this system: absolute, or relative to wherever the tool keeps its files; `.` holds
    /// every relative path.
    ///
    /// # Errors
    ///
    /// [`PathError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::parse_as(text, PathStyle::NATIVE)
    }

    /// A directory of another system.
    ///
    /// # Errors
    ///
    /// [`PathError::Malformed`].
    pub fn parse_as(text: &str, style: PathStyle) -> Result<Self, PathError> {
        let absolute = is_absolute(text, style);
        if text != "." {
            check_text(text, style)?;
        }
        let text = if text == "." { "" } else { text.strip_suffix('/').unwrap_or(text) };
        Ok(Self { text: text.into(), absolute, style })
    }

    /// Judges a path. The answer is the part of it below the directory, empty for the directory itself.
    ///
    /// # Errors
    ///
    /// [`PathError`] says what is wrong.
    pub fn check<'p>(&self, path: &'p str) -> Result<&'p str, PathError> {
        check_text(path, self.style)?;
        if is_absolute(path, self.style) != self.absolute {
            return Err(PathError::Outside);
        }
        // Both texts are made of the same non-empty components with one slash between them, so a prefix
        // that ends where a component ends is a prefix of components.
        let rest = path.strip_prefix(&*self.text).ok_or(PathError::Outside)?;
        let below = match rest.strip_prefix('/') {
            Some(below) => below,
            None if rest.is_empty() || (self.text.is_empty() && !self.absolute) => rest,
            None => return Err(PathError::Outside),
        };
        Ok(below.strip_suffix('/').unwrap_or(below))
    }

    /// Whether a path may be the directory or lie in it, on a file system that does not tell case apart.
    /// For rules that deny.
    pub(super) fn may_hold(&self, path: &str) -> bool {
        let (folded, dir) = (path.to_lowercase(), self.text.to_lowercase());
        let mut components = folded.split('/').filter(|component| !component.is_empty());
        dir.split('/')
            .filter(|component| !component.is_empty())
            .all(|component| components.next() == Some(component))
    }

    /// The directory as it was written, but for a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match (&*self.text, self.absolute) {
            ("", true) => "/",
            ("", false) => ".",
            (text, _) => text,
        }
    }

    pub(super) const fn is_absolute(&self) -> bool {
        self.absolute
    }
}

impl fmt::Debug for AllowedDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllowedDir").field(&self.as_str()).finish()
    }
}

fn is_absolute(path: &str, style: PathStyle) -> bool {
    match style {
        PathStyle::Posix => path.starts_with('/'),
        PathStyle::Windows => after_drive(path).is_some_and(|rest| rest.starts_with('/')),
    }
}

/// What follows `C:`.
fn after_drive(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(|first: char| first.is_ascii_alphabetic())?;
    rest.strip_prefix(':')
}

/// Refuses what two readers may read differently.
fn check_text(path: &str, style: PathStyle) -> Result<(), PathError> {
    if path.is_empty() || has_hidden_separator(path) {
        return Err(PathError::Malformed);
    }
    let path = match style {
        PathStyle::Posix => path,
        PathStyle::Windows => match after_drive(path) {
            Some(rest) if rest.starts_with('/') => rest,
            // On the current drive, whichever that is.
            _ if path.starts_with('/') => return Err(PathError::Malformed),
            _ => path,
        },
    };
    let relative = path.strip_prefix('/').unwrap_or(path);
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    if relative.is_empty() {
        // The root; `//` is not: it names a host on some systems.
        return if path == "/" { Ok(()) } else { Err(PathError::Malformed) };
    }
    let good = relative.split('/').all(|component| {
        !component.is_empty()
            && !is_dots(component)
            && (style == PathStyle::Posix || is_windows_name(component))
    });
    if good { Ok(()) } else { Err(PathError::Malformed) }
}

/// Whether a component is made of dots and blanks only. Some systems drop what follows the dots.
pub(super) fn is_dots(component: &str) -> bool {
    !component.is_empty() && component.bytes().all(|byte| matches!(byte, b'.' | b' '))
}

/// Whether there is a backslash or a control character, or percent encoding that would become a separator,
/// a dot, a control character or more encoding if some layer decoded it. Bytes beyond ASCII are among
/// these: a lenient decoder takes `%c0%ae` for a dot.
fn has_hidden_separator(text: &str) -> bool {
    text.chars().any(|character| character == '\\' || character.is_control())
        || encoded_bytes(text).any(|byte| {
            matches!(byte, b'.' | b'/' | b'\\' | b'%' | 0x7f..) || byte.is_ascii_control()
        })
}

/// The bytes that stand in a text in percent encoding.
pub(super) fn encoded_bytes(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.as_bytes().windows(3).filter_map(|window| match window {
        [b'%', high, low] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    })
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether a component is a file's name on Windows, and no device, stream or pattern.
fn is_windows_name(component: &str) -> bool {
    const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];
    let stem = component.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_port = port.is_some_and(|number| {
        matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}")
            || (number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    !component.contains([':', '<', '>', '"', '|', '?', '*'])
        && !component.ends_with(['.', ' '])
        && !is_port
        && !DEVICES.contains(&&*stem)
}

#[cfg(test)]
mod tests;
