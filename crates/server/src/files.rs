//! Files below one directory, for handlers.
//!
//! The policy judges a path by its text, before the handler runs. What the text leads to is another
//! matter: a symbolic link may lead out of the directory, and it may be put there between the check and
//! the opening. A [`Root`] holds the directory itself open and resolves every path from there, link by
//! link, and never past it: there is no check that could be outrun.

use std::{fmt, fs::File, io, io::Read as _, path::Path};

use cap_fs_ext::OpenOptionsSyncExt as _;
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use palisade_security::{AllowedDir, DenyReason, UriRule};

use crate::{HandlerError, IntoHandlerError};

/// A directory whose files a handler may use. Symbolic links are followed as far as they stay below it.
///
/// Paths are those that the policy judged: absolute and below the directory, or relative to it; see
/// [`AllowedDir`] for what is refused by its text alone. Devices, pipes and directories are refused, so
/// that nothing here waits for somebody to write. A hard link cannot be told from the file it is: let
/// nobody else link files into the directory.
///
/// These calls block: handlers on an asynchronous runtime use its pool for blocking work.
///
/// ```no_run
/// use palisade_server::files::Root;
///
/// let root = Root::new("/srv/data")?;
/// let text = root.read("/srv/data/notes/a.txt", 64 * 1024);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    below: AllowedDir,
    relative: AllowedDir,
    uris: Option<UriRule>,
}

/// Why there is no file. It is deliberately not an `Error`, as [`HandlerError`] is none: a handler that
/// passes it on with `?` refuses the request as the policy would have, with status and audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// The path is malformed, lies elsewhere, or a link on it leads out of the directory.
    Denied(DenyReason),
    /// Something other than a file: a directory, a pipe, a device.
    NotAFile,
    /// The file is larger than what the handler takes.
    TooLarge,
    /// The operating system says no.
    Failed(io::ErrorKind),
}

impl FileError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(reason) => reason.code(),
            Self::NotAFile => "not_a_file",
            Self::TooLarge => "file_too_large",
            Self::Failed(_) => "file_failed",
        }
    }
}

impl Root {
    /// Opens a directory. From then on it is this directory, whatever its name is given to.
    ///
    /// # Errors
    ///
    /// If the path is not absolute and plain, as [`AllowedDir`] demands, or cannot be opened.
    pub fn new(directory: impl AsRef<Path>) -> io::Result<Self> {
        let path = directory.as_ref();
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let text = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        if !path.is_absolute() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self {
            dir: Dir::open_ambient_dir(path, ambient_authority())?,
            below: AllowedDir::parse(text).map_err(invalid)?,
            relative: AllowedDir::parse(".").map_err(invalid)?,
            uris: UriRule::scheme("file").and_then(|rule| rule.with_below(text)).ok(),
        })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub fn open(&self, path: &str) -> Result<File, FileError> {
        self.open_with(self.locate(path)?, OpenOptions::new().read(true))
    }

    /// Opens the file of a `file:` URI for reading. The URI is percent-decoded once, as the policy did.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub fn open_uri(&self, uri: &str) -> Result<File, FileError> {
        let denied = FileError::Denied(DenyReason::UnauthorizedPath);
        let rule = self.uris.as_ref().ok_or(denied)?;
        let path = rule.locate(uri).map_err(|error| FileError::Denied(error.into()))?;
        self.open_with(&path, OpenOptions::new().read(true))
    }

    /// Creates a file, or empties it, for writing.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub fn create(&self, path: &str) -> Result<File, FileError> {
        // Emptied only after it was seen to be a file.
        let file =
            self.open_with(self.locate(path)?, OpenOptions::new().write(true).create(true))?;
        file.set_len(0).map_err(|error| FileError::Failed(error.kind()))?;
        Ok(file)
    }

    /// Reads a whole file of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, FileError> {
        let mut contents = Vec::new();
        let mut file = self.open(path)?.take(max_bytes.saturating_add(1));
        file.read_to_end(&mut contents).map_err(|error| FileError::Failed(error.kind()))?;
        if contents.len() as u64 > max_bytes {
            return Err(FileError::TooLarge);
        }
        Ok(contents)
    }

    /// The path from the directory on.
    fn locate<'p>(&self, path: &'p str) -> Result<&'p str, FileError> {
        let allowed = if Path::new(path).is_absolute() { &self.below } else { &self.relative };
        allowed.check(path).map_err(|error| FileError::Denied(error.into()))
    }

    fn open_with(&self, path: &str, options: &mut OpenOptions) -> Result<File, FileError> {
        // Without waiting: a pipe would block until somebody writes to it.
        let opened = self.dir.open_with(path, options.nonblock(true)).map_err(|error| {
            // What leads out of the directory is refused here, without a code of the operating system.
            match (error.kind(), error.raw_os_error()) {
                (io::ErrorKind::PermissionDenied, None) => {
                    FileError::Denied(DenyReason::PathNotAuthorized)
                }
                (io::ErrorKind::IsADirectory, _) => FileError::NotAFile,
                (kind, _) => FileError::Failed(kind),
            }
        })?;
        let file = opened.into_std();
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(file),
            Ok(_) => Err(FileError::NotAFile),
            Err(error) => Err(FileError::Failed(error.kind())),
        }
    }
}

impl From<FileError> for HandlerError {
    fn from(error: FileError) -> Self {
        error.into_handler_error()
    }
}

impl IntoHandlerError for FileError {
    fn into_handler_error(self) -> HandlerError {
        let text: &dyn fmt::Display = match &self {
            Self::Denied(reason) => return HandlerError::denied(*reason),
            Self::NotAFile => &"this is not a file",
            Self::TooLarge => &"the file is too large",
            Self::Failed(io::ErrorKind::NotFound) => &"there is no such file",
            Self::Failed(_) => &"the file cannot be used",
        };
        HandlerError::tool(text)
    }
}

#[cfg(all(test, unix))]
mod tests;
