//! The client that the official conformance suite tests: `conformance-client URL`.
//!
//! The suite is the server. It says in the environment which scenario runs, in which revision of the protocol, and,
//! for some scenarios, what to do; for the rest the client does what any client would: see [`walk`]. Exit code 0
//! says that all of it worked.

mod answers;
mod arguments;
mod scenario;
mod walk;

use std::error::Error;

use palisade::{Client, http::HttpTransport};
use scenario::Scenario;

/// The result of everything here: errors only end the program.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let url = std::env::args().next_back().filter(|url| url.starts_with("http"));
    let url = url.ok_or("usage: conformance-client URL")?;
    let scenario = Scenario::from_environment()?;
    let client = Client::builder()
        .with_info("palisade-conformance-client", env!("CARGO_PKG_VERSION"))
        .with_elicitation_handler(answers::fill_in)
        .with_sampling_handler(answers::say_something)
        .with_roots_handler(answers::roots)
        .connect(HttpTransport::new(&url)?)
        .await?;
    walk::walk(&client, &scenario).await?;
    client.close().await;
    Ok(())
}
