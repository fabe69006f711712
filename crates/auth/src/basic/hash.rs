//! [`PasswordHash`]: what a server keeps of a password.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use palisade_security::{
    Secret,
    digest::{RandomError, constant_time_eq, random_bytes},
    secret::Weakness,
};

use super::is_password;

/// The argon2id hash of a password, in the form `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// Memory in KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

/// 19 MiB, two passes: some 20 ms of one core.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// The most that a hash may ask for. Abuse: a file of hashes decides over the server's memory.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

/// The least that keeps a guesser busy: 7 MiB, and 35 MiB written in all passes together.
const MIN_MEMORY: u32 = 7 * 1024;
const MIN_WRITTEN: u32 = 35 * 1024;

/// The least length of a password, in bytes.
pub(super) const MIN_PASSWORD_LEN: usize = 12;

impl PasswordHash {
    /// Hashes the password of a user: argon2id, 19 MiB, two passes, a random salt. Takes some 20 ms.
    ///
    /// # Errors
    ///
    /// [`PasswordHashError::Weak`] if the password is shorter than 12 bytes or guessable, as one is that is
    /// little more than the user's name; [`PasswordHashError::Malformed`] if it has control characters or
    /// more than 1024 bytes.
    pub fn new(user: &str, password: impl Into<Secret>) -> Result<Self, PasswordHashError> {
        let password = password.into();
        if !is_password(password.expose()) {
            return Err(PasswordHashError::Malformed);
        }
        if let Some(weakness) = password.weakness_of(user, MIN_PASSWORD_LEN) {
            return Err(PasswordHashError::Weak(weakness));
        }
        let salt = random_bytes::<16>()?;
        let mut hash = Self {
            memory: MEMORY,
            passes: PASSES,
            lanes: 1,
            salt: salt.into(),
            hash: [0; 32].into(),
        };
        hash.hash = hash.compute(password.expose()).ok_or(PasswordHashError::Malformed)?;
        Ok(hash)
    }

    /// Reads a hash.
    ///
    /// # Errors
    ///
    /// [`PasswordHashError::Malformed`] if it is not an argon2id hash of version 19, or asks for more than
    /// 256 MiB, 16 passes or 16 lanes.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        Self::read(text).ok_or(PasswordHashError::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts =
            text.strip_prefix("$argon2id$v=19$").filter(|_| text.len() < 512)?.split('$');
        let (parameters, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = parameters.split(',');
        let mut number = |name: &str, least: u32, most: u32| {
            let number: u32 = numbers.next()?.strip_prefix(name)?.parse().ok()?;
            (least..=most).contains(&number).then_some(number)
        };
        let memory = number("m=", 8, MAX_MEMORY)?;
        let (passes, lanes) = (number("t=", 1, MAX_PASSES)?, number("p=", 1, MAX_LANES)?);
        if numbers.next().is_some() || parts.next().is_some() || memory < 8 * lanes {
            return None;
        }
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).ok().map(Vec::into_boxed_slice);
        let salt = decode(salt).filter(|salt| (8..=64).contains(&salt.len()))?;
        let hash = decode(hash).filter(|hash| (16..=64).contains(&hash.len()))?;
        Some(Self { memory, passes, lanes, salt, hash })
    }

    /// The hash as text: what to write into a configuration.
    #[must_use]
    pub fn to_phc_string(&self) -> String {
        let Self { memory, passes, lanes, salt, hash } = self;
        let [salt, hash] = [salt, hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }

    /// Whether its parameters keep a guesser busy.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.memory >= MIN_MEMORY && self.memory.saturating_mul(self.passes) >= MIN_WRITTEN
    }

    /// Whether it is of this password. Takes as long as the parameters say: not for an async thread.
    pub(super) fn verify(&self, password: &str) -> bool {
        self.compute(password).is_some_and(|found| constant_time_eq(&found, &self.hash))
    }

    /// A hash of nothing that takes as long to verify.
    pub(super) fn decoy(&self) -> Result<Self, RandomError> {
        Ok(Self { salt: random_bytes::<16>()?.into(), hash: random_bytes::<32>()?.into(), ..*self })
    }

    /// What verifying it costs.
    pub(super) fn parameters(&self) -> (u32, u32, u32) {
        (self.memory, self.passes, self.lanes)
    }

    fn compute(&self, password: &str) -> Option<Box<[u8]>> {
        let params =
            Params::new(self.memory, self.passes, self.lanes, Some(self.hash.len())).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut found = vec![0; self.hash.len()].into_boxed_slice();
        argon2.hash_password_into(password.as_bytes(), &self.salt, &mut found).ok()?;
        Some(found)
    }
}

/// Shows the parameters only: a guessable password can be found from its hash.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("memory_kib", &self.memory)
            .field("passes", &self.passes)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

/// Why there is no hash of a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordHashError {
    /// The text is not a hash, or the password cannot be one.
    #[error("not an argon2id hash `$argon2id$v=19$m=..,t=..,p=..$salt$hash`, or not a password")]
    Malformed,
    /// The password can be guessed.
    #[error("the password is {0}")]
    Weak(Weakness),
    /// No random salt can be had.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl PasswordHashError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_password_hash",
            Self::Weak(weakness) => weakness.code(),
            Self::Random(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `password` with the salt `somesalt`, from the reference implementation's test suite.
    const REFERENCE: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn hashes_are_those_of_argon2id() {
        let hash = PasswordHash::parse(REFERENCE).unwrap();
        assert!(hash.verify("password") && !hash.verify("Password") && !hash.verify(""));
        assert_eq!(hash.to_phc_string(), REFERENCE);
        assert!(!hash.is_strong());
        assert!(!hash.decoy().unwrap().verify("password"));
        assert_eq!(hash.decoy().unwrap().parameters(), hash.parameters());
        assert!(!format!("{hash:?}").contains("nf65"));
    }

    #[test]
    fn a_new_hash_is_strong_and_salted() {
        let password = "7xqV-plum-Ember-42";
        let hash = PasswordHash::new("alice", password).unwrap();
        assert!(hash.is_strong() && hash.verify(password));
        let read = PasswordHash::parse(&hash.to_phc_string()).unwrap();
        assert_eq!(read, hash);
        assert_ne!(PasswordHash::new("alice", password).unwrap(), hash, "another salt");
    }

    #[test]
    fn k6_weak_passwords_are_not_hashed() {
        let code = |user: &str, password: &str| {
            PasswordHash::new(user, password).map_err(|error| error.code()).map(drop)
        };
        assert_eq!(code("alice", "short"), Err("secret_too_short"));
        assert_eq!(code("alice", "MyChangeMe-2026x"), Err("secret_well_known"));
        assert_eq!(code("alice", "my-test-user-2026"), Err("secret_well_known"));
        assert_eq!(code("alice.cooper", "Alice.Cooper-1"), Err("secret_derived"));
        assert_eq!(code("alice", "aaaaaaaaaaaaaaaa"), Err("secret_low_entropy"));
        assert_eq!(code("alice", "7xqV-plum-Ember\n42"), Err("malformed_password_hash"));
        assert_eq!(code("alice", ""), Err("malformed_password_hash"));
        assert_eq!(code("alice", &"7xqV".repeat(300)), Err("malformed_password_hash"));
    }

    #[test]
    fn k4_hashes_that_ask_for_too_much_are_refused() {
        let rest = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for bad in [
            format!("$argon2id$v=19$m=262145,t=2,p=1${rest}"),
            format!("$argon2id$v=19$m=256,t=17,p=1${rest}"),
            format!("$argon2id$v=19$m=256,t=2,p=17${rest}"),
            format!("$argon2id$v=19$m=8,t=2,p=2${rest}"),
            format!("$argon2id$v=19$m=256,t=0,p=1${rest}"),
            format!("$argon2id$v=19$m=256,t=2,p=1,x=1${rest}"),
            format!("$argon2id$v=19$t=2,m=256,p=1${rest}"),
            format!("$argon2i$v=19$m=256,t=2,p=1${rest}"),
            format!("$argon2id$v=16$m=256,t=2,p=1${rest}"),
            format!("$argon2id$v=19$m=256,t=2,p=1${rest}$more"),
            "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEg".to_owned(),
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65".to_owned(),
            "$2y$10$abcdefghijklmnopqrstuv".to_owned(),
            "plain-text-password".to_owned(),
            String::new(),
        ] {
            assert_eq!(PasswordHash::parse(&bad), Err(PasswordHashError::Malformed), "{bad}");
        }
    }
}
