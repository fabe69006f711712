//! Links that one user is sent to, and that are good for no other.
//!
//! A URL that a server asks a user to visit can be passed on. Whoever opens it then completes what somebody
//! else has begun: Alice asks the server to connect an account, sends the link to Bob, Bob connects *his*
//! account, and Alice uses it. So a link names the user it was made for, under a seal, and the page behind it
//! opens it only for a visitor that the page itself knows to be that user.

use crate::{
    clock::UnixMillis,
    config::ServerSecurity,
    reject::RejectError,
    seal::{SealError, SealPurpose},
};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

impl ServerSecurity {
    /// A token for the URL of a [url elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation):
    /// good for one user, until [`Limits::request_state_ttl`](crate::Limits::request_state_ttl) has passed.
    /// `user` is who asks, in the words that the page knows its visitors by: the
    /// [`subject`](crate::Principal::subject) of the principal where both log in at the same place. `about`
    /// comes back when the token is opened; it is encrypted, and may be empty.
    ///
    /// # Errors
    ///
    /// [`SealError`] if no random bytes can be had.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Elicitation, "Phishing".
    pub fn seal_link(&self, user: &str, about: &[u8]) -> Result<String, SealError> {
        let ends = self.clock().now().saturating_add(self.limits().request_state_ttl());
        let mut plain = ends.as_millis().to_be_bytes().to_vec();
        plain.extend_from_slice(about);
        self.sealer().seal(SealPurpose::Link, &[user.as_bytes()], &plain)
    }

    /// What a token of [`Self::seal_link`] is about. `visitor` is who opens the page, as the page has
    /// established it, for example by a session cookie: never as the URL says.
    ///
    /// # Errors
    ///
    /// [`RejectError::ForeignLink`] if it was made for somebody else, is too old, or was not made here: answer
    /// 403, whichever it was.
    pub fn open_link(&self, visitor: &str, token: &str) -> Result<Vec<u8>, RejectError> {
        let opened = (token.len() <= MAX_TOKEN)
            .then(|| self.sealer().open(SealPurpose::Link, &[visitor.as_bytes()], token).ok())
            .flatten();
        let parts = opened.as_deref().and_then(|plain| plain.split_first_chunk());
        match parts {
            Some((ends, about))
                if self.clock().now() < UnixMillis::new(u64::from_be_bytes(*ends)) =>
            {
                Ok(about.to_vec())
            }
            _ => Err(RejectError::ForeignLink),
        }
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
mod tests {
    use std::{sync::Arc, time::Duration};

    use crate::{
        AllowedOrigins, ManualClock, RejectError, SecurityConfig, UnixMillis, seal::SealPurpose,
    };

    #[test]
    fn e2_a_link_is_good_for_one_user_and_for_a_while() {
        let clock = Arc::new(ManualClock::new(UnixMillis::new(1_000)));
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_clock(Arc::clone(&clock))
            .build()
            .unwrap();
        let token = security.seal_link("alice", b"account 7").unwrap();
        assert_eq!(security.open_link("alice", &token).unwrap(), b"account 7");
        let refused = |visitor: &str, token: &str| {
            assert_eq!(security.open_link(visitor, token), Err(RejectError::ForeignLink));
        };
        refused("bob", &token);
        refused("Alice", &token);
        refused("", &token);
        refused("alice", "");
        refused("alice", &format!("{token}A"));
        refused("alice", &"A".repeat(9_000));
        // A seal for something else opens nothing here.
        let other = security.sealer().seal(SealPurpose::Cursor, &[b"alice"], &[255; 16]).unwrap();
        refused("alice", &other);
        clock.advance(Duration::from_secs(10 * 60) - Duration::from_millis(1));
        assert!(security.open_link("alice", &token).is_ok());
        clock.advance(Duration::from_millis(1));
        refused("alice", &token);
    }
}
