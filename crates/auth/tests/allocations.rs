//! What checking a bearer token takes from the heap.
#![cfg(feature = "bearer")]

use http::{HeaderMap, header::AUTHORIZATION};
use palisade_auth::Bearer;
use palisade_security::{AllowedOrigins, Credentials, PeerInfo, SecurityConfig};
use palisade_testkit::alloc::{CountingAllocator, count_async};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

#[tokio::test]
async fn a_bearer_token_costs_at_most_two_allocations() {
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::tokens([
            "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT",
            "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l",
        ]))
        .without_tls()
        .build()
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT".parse().unwrap());
    let peer = PeerInfo::in_process();
    let credentials = Credentials::new(&headers, &peer);
    let (principal, allocations) = count_async(security.authenticate(&credentials)).await;
    assert!(principal.is_ok());
    // The boxed future of a dyn authenticator, and at most one in the cryptography.
    assert!(allocations.total() <= 2, "{allocations:?}");
}
