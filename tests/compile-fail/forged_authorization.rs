//! E0423 found struct `Authorized`: only a policy makes a request authorized.

use palisade_security::{AccessRequest, Authorized, Principal};

fn main() {
    let principal = Principal::new("alice", "bearer");
    let _ = Authorized(AccessRequest::new(&principal, "tools/list"));
}
