//! The command line: `--port P --tools N --security none|bearer [--token T] [--router R]`.

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
};

/// How callers prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// They do not; loopback only.
    None,
    /// With this token.
    Bearer(String),
}

/// What a measured server is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The port on the loopback interface, 0 for any.
    pub port: u16,
    /// How many tools to offer, `add` included; at least 1.
    pub tools: usize,
    /// How callers are checked.
    pub security: Security,
    /// How the tools are kept, where a stack leaves a choice.
    pub router: Option<String>,
}

impl Options {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    ///
    /// If an argument is unknown, lacks its value, or the token does not go with the security.
    pub fn from_args() -> Result<Self, Box<dyn Error + Send + Sync>> {
        Self::parse(std::env::args().skip(1))
    }

    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut options = Self { port: 0, tools: 1, security: Security::None, router: None };
        let (mut wants_token, mut token) = (false, None);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match (name.as_str(), value.as_str()) {
                ("--port", _) => options.port = value.parse()?,
                ("--tools", _) => options.tools = value.parse()?,
                ("--security", "none") => wants_token = false,
                ("--security", "bearer") => wants_token = true,
                ("--token", _) => token = Some(value),
                ("--router", _) => options.router = Some(value),
                _ => return Err(format!("`{name} {value}` is not understood").into()),
            }
        }
        if options.tools == 0 {
            return Err("a server has at least one tool".into());
        }
        options.security = match (wants_token, token) {
            (true, Some(token)) => Security::Bearer(token),
            (false, None) => Security::None,
            _ => return Err("`--token` goes with `--security bearer`, and only with it".into()),
        };
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Security};

    fn parse(text: &str) -> Option<Options> {
        Options::parse(text.split_whitespace().map(str::to_owned)).ok()
    }

    #[test]
    fn options_are_read() {
        let options = parse("--port 8080 --tools 50 --security bearer --token t");
        let expected = Options {
            port: 8080,
            tools: 50,
            security: Security::Bearer("t".to_owned()),
            router: None,
        };
        assert_eq!(options, Some(expected));
        assert_eq!(parse("").map(|options| options.security), Some(Security::None));
    }

    #[test]
    fn nonsense_is_refused() {
        let cases =
            ["--port", "--tools 0", "--security tls", "--security bearer", "--token t", "--x y"];
        for case in cases {
            assert_eq!(parse(case), None, "{case}");
        }
    }
}
