//! Whom a command talks to: a URL, or the file of a client, with credentials by reference.

use palisade::{
    config::{ClientConfig, Format, RawClientConfig},
    security::SecurityConfigError,
};
use serde_json::{Value, json};

use crate::{
    args::Args,
    exit::Exit,
    output::{Output, to_json},
};

/// The options that say who one is and whom one trusts.
#[derive(Debug)]
pub(crate) struct Options {
    token: Option<String>,
    ca: Option<String>,
    eras: Option<String>,
}

/// How they are written.
pub(crate) const USAGE: &str = "[--token env:NAME|file:PATH] [--ca FILE]";

impl Options {
    /// Takes them.
    pub(crate) fn take(args: &mut Args, output: &mut Output) -> Result<Self, Exit> {
        let (token, ca) = (args.option("--token", output)?, args.option("--ca", output)?);
        Ok(Self { token, ca, eras: None })
    }

    /// Takes which revisions to speak, too.
    pub(crate) fn with_eras(mut self, args: &mut Args, output: &mut Output) -> Result<Self, Exit> {
        self.eras = args.option("--eras", output)?;
        Ok(self)
    }

    const fn is_empty(&self) -> bool {
        self.token.is_none() && self.ca.is_none() && self.eras.is_none()
    }

    /// The configuration of a client, from a URL and the options, or from a file.
    pub(crate) fn client(&self, target: &str, output: &mut Output) -> Result<ClientConfig, Exit> {
        let config = if target.contains("://") {
            self.of_url(target)
        } else if self.is_empty() {
            ClientConfig::from_file(target)
        } else {
            output
                .problem("a file says itself which token to send, whom to trust and what to speak");
            return Err(Exit::Usage);
        };
        config.map_err(|error| {
            error.findings().iter().for_each(|finding| output.finding("", finding));
            let findings: Vec<Value> =
                error.findings().iter().map(|finding| to_json(finding, None)).collect();
            output.value(json!({ "target": target, "ok": false, "findings": findings }));
            Exit::Found
        })
    }

    fn of_url(&self, url: &str) -> Result<ClientConfig, SecurityConfigError> {
        let mut raw = json!({ "url": url });
        if let Some(object) = raw.as_object_mut() {
            if let Some(token) = &self.token {
                let credentials = json!({ "kind": "bearer", "token": token });
                object.insert("credentials".to_owned(), credentials);
            }
            if let Some(eras) = &self.eras {
                object.insert("eras".to_owned(), json!(eras));
            }
            if let Some(ca) = &self.ca {
                object.insert("tls".to_owned(), json!({ "authorities": format!("file:{ca}") }));
            }
        }
        // The same way that a file takes: a token on the command line, which every user of the machine can
        // see, is refused like one in a file.
        ClientConfig::try_from(RawClientConfig::from_text(&raw.to_string(), Format::Json)?)
    }
}
