//! What must be true of a program before it is launched.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use palisade_security::{ServerCommand, digest::digest};

/// The largest file that a digest is made of, in bytes.
const MAX_DIGESTED: u64 = 512 << 20;
/// The most links that are followed, as many as Linux does.
const MAX_LINKS: usize = 40;

/// Why a server is not launched. Safe to log: no argument and no value of a variable is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program is neither an absolute path nor a plain name.
    #[error("`{}` is neither an absolute path nor a name without slashes", .0.display())]
    RelativePath(PathBuf),
    /// A directory to look in is not an absolute path.
    #[error("the search directory `{}` is not an absolute path", .0.display())]
    RelativeSearchDir(PathBuf),
    /// There is no such program.
    #[error("there is no program `{}`", .0.display())]
    NotFound(PathBuf),
    /// It is a batch file: the interpreter that runs them reads arguments anew, and runs what it finds in them.
    #[error("`{}` is a batch file", .0.display())]
    BatchFile(PathBuf),
    /// It is not a file that can be executed.
    #[error("`{}` is not an executable file", .0.display())]
    NotExecutable(PathBuf),
    /// It, the working directory, or a directory or link on the way belongs to another user than root and this
    /// one.
    #[error("`{}` belongs to the user {uid}", path.display())]
    ForeignOwner {
        /// The file, directory or link.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// It, the working directory, or a directory on the way can be changed by others.
    #[error("`{}` can be written by others (mode {mode:o})", path.display())]
    WritableByOthers {
        /// The file or directory.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The digest of the file is not the pinned one.
    #[error("`{}` is not the file whose digest is pinned", .0.display())]
    DigestDiffers(PathBuf),
    /// The file is too large to be digested.
    #[error("`{}` is too large for a pinned digest", .0.display())]
    TooLarge(PathBuf),
    /// A value begins with a dash, so the program would take it for a flag.
    #[error("argument {index} begins with a dash but is not declared as a flag")]
    LeadingDash {
        /// Which one, from 0.
        index: usize,
    },
    /// An argument or a variable holds a NUL byte, where it would end.
    #[error("an argument or a variable holds a nul byte")]
    Nul,
    /// The name of a variable is empty, or has an equals sign or a NUL byte. What follows is left out: an
    /// assignment, with its value, stands there as like as not.
    #[error("what begins with `{}` is not the name of a variable", .0.display())]
    InvalidVariable(OsString),
    /// A variable that is to be passed on is not set.
    #[error("the variable `{}` is not set", .0.display())]
    MissingVariable(OsString),
    /// The working directory is not an absolute path to a directory.
    #[error("the working directory `{}` is not an absolute path to a directory", .0.display())]
    InvalidCurrentDir(PathBuf),
    /// The limits of the process cannot be set.
    #[error("the limits of the process cannot be set")]
    Limits(#[source] io::Error),
    /// There is no tokio runtime to serve it in.
    #[error("there is no tokio runtime")]
    NoRuntime,
    /// The system does not start it.
    #[error("the program cannot be started")]
    Spawn(#[source] io::Error),
}

impl LaunchError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RelativePath(_) => "program_path_relative",
            Self::RelativeSearchDir(_) => "search_dir_relative",
            Self::NotFound(_) => "program_not_found",
            Self::BatchFile(_) => "program_is_batch_file",
            Self::NotExecutable(_) => "program_not_executable",
            Self::ForeignOwner { .. } => "program_foreign_owner",
            Self::WritableByOthers { .. } => "program_writable_by_others",
            Self::DigestDiffers(_) => "program_digest_differs",
            Self::TooLarge(_) => "program_too_large",
            Self::LeadingDash { .. } => "argument_leading_dash",
            Self::Nul => "argument_nul",
            Self::InvalidVariable(_) => "invalid_variable",
            Self::MissingVariable(_) => "missing_variable",
            Self::InvalidCurrentDir(_) => "invalid_current_dir",
            Self::Limits(_) => "process_limits_not_set",
            Self::NoRuntime => "no_runtime",
            Self::Spawn(_) => "program_not_started",
        }
    }
}

/// A command that may be launched now. Has no `Debug`: the values of variables are secrets.
pub(super) struct Checked {
    /// The file, with all links followed.
    pub(super) file: PathBuf,
    /// The name it was found by, which programs look at.
    pub(super) name: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) current_dir: PathBuf,
}

/// Checks everything.
pub(super) fn checked(command: &ServerCommand) -> Result<Checked, LaunchError> {
    let args = checked_args(command)?;
    let env = checked_env(command)?;
    let name = found(command)?;
    let file = resolved(&name)?;
    for path in [&name, &file] {
        if is_batch(path) {
            return Err(LaunchError::BatchFile(path.clone()));
        }
    }
    check_file(&file)?;
    if let Some(pinned) = command.digest() {
        check_digest(&file, pinned)?;
    }
    let current_dir = checked_current_dir(command.current_dir())?;
    Ok(Checked { file, name, args, env, current_dir })
}

fn checked_args(command: &ServerCommand) -> Result<Vec<OsString>, LaunchError> {
    let mut args = Vec::new();
    for (index, (arg, declared)) in command.args().enumerate() {
        if !declared && arg.as_bytes().first() == Some(&b'-') {
            return Err(LaunchError::LeadingDash { index });
        }
        if arg.as_bytes().contains(&0) {
            return Err(LaunchError::Nul);
        }
        args.push(arg.to_owned());
    }
    Ok(args)
}

fn checked_env(command: &ServerCommand) -> Result<Vec<(OsString, OsString)>, LaunchError> {
    let mut env = Vec::new();
    for (name, value) in command.env() {
        let good =
            name.as_bytes().split(|byte| matches!(byte, b'=' | 0)).next().unwrap_or_default();
        if name.is_empty() || good.len() < name.len() {
            return Err(LaunchError::InvalidVariable(OsStr::from_bytes(good).to_owned()));
        }
        let value = match value {
            Some(secret) => OsString::from(secret.expose()),
            None => std::env::var_os(name)
                .ok_or_else(|| LaunchError::MissingVariable(name.to_owned()))?,
        };
        if value.as_bytes().contains(&0) {
            return Err(LaunchError::Nul);
        }
        env.push((name.to_owned(), value));
    }
    Ok(env)
}

/// The program's path, by which it was given or found.
fn found(command: &ServerCommand) -> Result<PathBuf, LaunchError> {
    let program = command.program();
    if program.is_absolute() {
        return Ok(program.to_owned());
    }
    let is_name = program.file_name() == Some(program.as_os_str());
    if !is_name {
        return Err(LaunchError::RelativePath(program.to_owned()));
    }
    for dir in command.search_dirs() {
        if !dir.is_absolute() {
            return Err(LaunchError::RelativeSearchDir(dir.clone()));
        }
        let candidate = dir.join(program);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    Err(LaunchError::NotFound(program.to_owned()))
}

fn checked_current_dir(dir: &Path) -> Result<PathBuf, LaunchError> {
    let invalid = || LaunchError::InvalidCurrentDir(dir.to_owned());
    if !dir.is_absolute() {
        return Err(invalid());
    }
    let dir = resolved(dir).map_err(|error| match error {
        LaunchError::NotFound(_) => invalid(),
        other => other,
    })?;
    let metadata = fs::metadata(&dir).map_err(|_| invalid())?;
    if !metadata.is_dir() {
        return Err(invalid());
    }
    check_owner(&dir, &metadata)?;
    // No sticky bit helps: whoever can put a file here is read by the program.
    if metadata.mode() & 0o002 != 0 {
        return Err(writable(&dir, &metadata));
    }
    Ok(dir)
}

/// Where an absolute path leads. Each directory and each link on the way is checked, also those that only other
/// links lead to: whoever can change one of them chooses what is launched.
fn resolved(path: &Path) -> Result<PathBuf, LaunchError> {
    let not_found = || LaunchError::NotFound(path.to_owned());
    let mut real = PathBuf::from("/");
    let mut left: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = left.pop() {
        check_dir(&real, &fs::metadata(&real).map_err(|_| not_found())?)?;
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(part);
        let metadata = fs::symlink_metadata(&next).map_err(|_| not_found())?;
        if !metadata.is_symlink() {
            real = next;
            continue;
        }
        check_owner(&next, &metadata)?;
        links += 1;
        if links > MAX_LINKS {
            return Err(not_found());
        }
        let target = fs::read_link(&next).map_err(|_| not_found())?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        left.extend(parts(&target));
    }
    Ok(real)
}

/// The parts of a path below where it begins, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.rev().collect()
}

/// Checks a directory that something is looked up in.
fn check_dir(dir: &Path, metadata: &Metadata) -> Result<(), LaunchError> {
    if !metadata.is_dir() {
        return Err(LaunchError::NotFound(dir.to_owned()));
    }
    check_owner(dir, metadata)?;
    // In a sticky one, nobody can rename what is another's. A group is whom its owner trusts.
    if metadata.mode() & 0o1002 == 0o0002 {
        return Err(writable(dir, metadata));
    }
    Ok(())
}

fn check_file(file: &Path) -> Result<(), LaunchError> {
    let metadata = fs::metadata(file).map_err(|_| LaunchError::NotFound(file.to_owned()))?;
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err(LaunchError::NotExecutable(file.to_owned()));
    }
    check_owner(file, &metadata)?;
    if metadata.mode() & 0o022 != 0 {
        return Err(writable(file, &metadata));
    }
    Ok(())
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), LaunchError> {
    let uid = metadata.uid();
    if uid == 0 || uid == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(LaunchError::ForeignOwner { path: path.to_owned(), uid })
    }
}

fn writable(path: &Path, metadata: &Metadata) -> LaunchError {
    LaunchError::WritableByOthers { path: path.to_owned(), mode: metadata.mode() & 0o7777 }
}

fn check_digest(file: &Path, pinned: [u8; 32]) -> Result<(), LaunchError> {
    let not_read = |_| LaunchError::NotFound(file.to_owned());
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(not_read)?;
    opened.take(MAX_DIGESTED.saturating_add(1)).read_to_end(&mut bytes).map_err(not_read)?;
    if bytes.len() as u64 > MAX_DIGESTED {
        return Err(LaunchError::TooLarge(file.to_owned()));
    }
    if digest(&bytes) == pinned { Ok(()) } else { Err(LaunchError::DigestDiffers(file.to_owned())) }
}

fn is_batch(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("bat") || extension.eq_ignore_ascii_case("cmd")
    })
}
