//! The command line: `--port P --tools N --security none|bearer|full [--token T] [--audit FILE] [--router R]
//! [--over http|stdio] [--sessions N]`.

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// How callers prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// They do not; loopback only.
    None,
    /// With this token.
    Bearer(String),
    /// With this token, and all that a stack has besides: a policy, rate limits, an audit file.
    Full {
        /// The token.
        token: String,
        /// The audit file.
        audit: PathBuf,
    },
}

impl Security {
    /// The token that callers need.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer(token) | Self::Full { token, .. } => Some(token),
        }
    }
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
    /// Whether to serve standard input and output, and no port.
    pub stdio: bool,
    /// How many clients of older revisions must fit at a time, each answered by streams; none by default.
    pub sessions: usize,
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
        let mut options = Self {
            port: 0,
            tools: 1,
            security: Security::None,
            router: None,
            stdio: false,
            sessions: 0,
        };
        let (mut level, mut token, mut audit) = (String::from("none"), None, None);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match (name.as_str(), value.as_str()) {
                ("--port", _) => options.port = value.parse()?,
                ("--tools", _) => options.tools = value.parse()?,
                ("--security", "none" | "bearer" | "full") => level = value,
                ("--token", _) => token = Some(value),
                ("--audit", _) => audit = Some(value.into()),
                ("--router", _) => options.router = Some(value),
                ("--sessions", _) => options.sessions = value.parse()?,
                ("--over", "http" | "stdio") => options.stdio = value == "stdio",
                _ => return Err(format!("`{name} {value}` is not understood").into()),
            }
        }
        if options.tools == 0 {
            return Err("a server has at least one tool".into());
        }
        options.security = match (level.as_str(), token, audit) {
            ("none", None, None) => Security::None,
            ("bearer", Some(token), None) => Security::Bearer(token),
            ("full", Some(token), Some(audit)) => Security::Full { token, audit },
            _ => {
                let uses =
                    "`--security bearer` needs `--token`, `full` needs `--token` and `--audit`";
                return Err(uses.into());
            }
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
            stdio: false,
            sessions: 0,
        };
        assert_eq!(options, Some(expected));
        assert_eq!(parse("--sessions 9").map(|options| options.sessions), Some(9));
        assert_eq!(parse("--over stdio").map(|options| options.stdio), Some(true));
        let full = parse("--security full --token t --audit a.jsonl").map(|it| it.security);
        assert_eq!(full, Some(Security::Full { token: "t".into(), audit: "a.jsonl".into() }));
        assert_eq!(parse("").map(|options| options.security), Some(Security::None));
    }

    #[test]
    fn nonsense_is_refused() {
        let cases = [
            "--port",
            "--tools 0",
            "--security tls",
            "--security bearer",
            "--token t",
            "--x y",
            "--over pipes",
            "--security full --token t",
            "--security bearer --token t --audit a",
        ];
        for case in cases {
            assert_eq!(parse(case), None, "{case}");
        }
    }
}
