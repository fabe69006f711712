//! Who may log in, and what is kept of their passwords.

use std::{
    hash::{BuildHasher, RandomState},
    hint::black_box,
};

use palisade_security::{
    Finding, Principal, Secret, Severity, UnixMillis,
    digest::{DigestKey, KeyedDigest},
};

use super::{PasswordHash, is_user_name};
use crate::grant::{Grant, grant_setters};

/// A user, and the hash of a password. Entries with the same name are the same principal, so that a password
/// can be rotated.
#[derive(Clone, Debug)]
pub struct UserEntry {
    name: Box<str>,
    hash: PasswordHash,
    grant: Grant,
}

impl UserEntry {
    /// A user. Audit records show the name.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, hash: PasswordHash) -> Self {
        Self { name: name.into(), hash, grant: Grant::default() }
    }

    fn principal(&self) -> Principal {
        self.grant.principal(&self.name, "basic")
    }
}

grant_setters!(UserEntry, "password");

/// All users.
pub(super) struct Users {
    key: DigestKey,
    known: Vec<Known>,
    /// Hashes of nothing, one for each that is known.
    decoys: Vec<PasswordHash>,
    places: RandomState,
    /// How many hashes are computed for one attempt: as many as any user has.
    rounds: usize,
}

#[derive(Clone)]
pub(super) struct Known {
    name: KeyedDigest,
    hash: PasswordHash,
    pub(super) principal: Principal,
    pub(super) not_before: Option<UnixMillis>,
}

/// The most passwords of one user at a time. Each costs every attempt a hash.
const MAX_PER_USER: usize = 3;

/// How many users are tried for well-known passwords. Each costs some 100 ms when the server starts.
const MAX_TRIED: usize = 64;

/// Passwords that are tried first by whoever tries.
const WELL_KNOWN: [&str; 6] = ["password", "changeme", "secret", "test", "admin", "default"];

impl Users {
    /// Prepares the users, and reports what is wrong with them.
    pub(super) fn new(entries: Vec<UserEntry>, weak: Severity) -> (Option<Self>, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut found = |path: String, severity, code, message: &str, fix: &str| {
            let finding = Finding::new(path, severity, code, message.to_owned());
            findings.push(finding.with_fix(fix.to_owned()));
        };
        let error = Severity::Error;
        for (index, entry) in entries.iter().enumerate() {
            let path = || format!("users[{index}]");
            if !is_user_name(&entry.name) {
                let message = "the name is empty, too long, or has a colon or a control character";
                found(path(), error, "invalid_user_name", message, "use a name without them");
            }
            if !entry.hash.is_strong() {
                let message = "the hash is computed too fast to keep a guesser busy";
                let fix = "hash the password with argon2id, at least m=19456,t=2,p=1";
                found(path(), weak, "weak_password_hash", message, fix);
            }
            if index < MAX_TRIED
                && WELL_KNOWN.iter().chain([&&*entry.name]).any(|it| entry.hash.verify(it))
            {
                let message = "the password is a well-known one, or the name of the user";
                let fix = "choose another password: this one is tried first";
                found(path(), weak, "secret_well_known", message, fix);
            }
            if entry.grant.is_never_valid() {
                let message = "the password ends before it begins";
                let fix = "set `expires_at` after `not_before`";
                found(path(), error, "never_valid", message, fix);
            }
            let own = entries.iter().take(index).filter(|other| other.name == entry.name).count();
            if own >= MAX_PER_USER {
                let message = "the user has more than 3 passwords";
                found(path(), error, "too_many_passwords", message, "remove the oldest");
            }
        }
        let costs = |entry: &UserEntry| entry.hash.parameters();
        if entries.iter().any(|entry| entries.first().map(costs) != Some(costs(entry))) {
            let message = "the hashes have different parameters, so that time tells users apart";
            let fix = "hash all passwords with the same parameters when they are next changed";
            found("users".into(), Severity::Warning, "mixed_password_hashes", message, fix);
        }
        if entries.len() > MAX_TRIED {
            let message = "only the first 64 users are tried for well-known passwords";
            let fix = "keep passwords of many users in a system of their own";
            found("users".into(), Severity::Warning, "passwords_not_tried", message, fix);
        }
        if entries.is_empty() {
            let message = "no user is listed, so nobody could be let in";
            found("users".into(), error, "user_required", message, "list at least one user");
        }
        if findings.iter().any(Finding::is_error) {
            return (None, findings);
        }
        let users = Self::prepare(&entries);
        if users.is_none() {
            let message = "no random bytes can be had";
            let finding = Finding::new("users", error, "randomness_unavailable", message);
            findings.push(finding.with_fix("enable feature `aws-lc-rs` or `ring`"));
        }
        (users, findings)
    }

    fn prepare(entries: &[UserEntry]) -> Option<Self> {
        let key = DigestKey::random().ok()?;
        let known = entries.iter().map(|entry| Known {
            name: key.digest(entry.name.as_bytes()),
            hash: entry.hash.clone(),
            principal: entry.principal(),
            not_before: entry.grant.not_before,
        });
        let known: Vec<_> = known.collect();
        let decoys =
            entries.iter().map(|entry| entry.hash.decoy()).collect::<Result<_, _>>().ok()?;
        let of = |name: &str| entries.iter().filter(|entry| &*entry.name == name).count();
        let rounds = entries.iter().map(|entry| of(&entry.name)).max()?;
        Some(Self { key, known, decoys, places: RandomState::new(), rounds })
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whose password it is. Computes the same number of hashes whether the user is known, and whether one
    /// matches. Takes as long as they say: not for an async thread.
    pub(super) fn verify(
        &self,
        name: &str,
        password: &Secret,
        note_hash: impl Fn(),
    ) -> Option<Known> {
        let digest = self.key.digest(name.as_bytes());
        let own: Vec<_> = self.known.iter().filter(|known| known.name.matches(&digest)).collect();
        let mut found = None;
        for known in &own {
            note_hash();
            if known.hash.verify(password.expose()) {
                found = Some((*known).clone());
            }
        }
        // A name that nobody has always gets the same decoy, as a user always has the same hash.
        let decoy = self.decoys.get(self.place_of(name)).or(self.decoys.first());
        for _ in own.len()..self.rounds {
            note_hash();
            // What is not used must not be left out.
            black_box(decoy.is_some_and(|decoy| decoy.verify(password.expose())));
        }
        found
    }

    /// A place in the list that depends on the name, and that nobody else can tell.
    fn place_of(&self, name: &str) -> usize {
        let hash = self.places.hash_one(name) % (self.decoys.len().max(1) as u64);
        usize::try_from(hash).unwrap_or_default()
    }
}
