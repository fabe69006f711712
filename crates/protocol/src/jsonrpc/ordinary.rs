//! An ordinary request, read in one pass: syntax, depth, duplicate keys and members together.
//!
//! Whatever is not ordinary (an escape in a key, a member of the wrong type, a fault) is left to the slow
//! readers, which find out what it is. So this reader may give up on anything, and must never accept what
//! they refuse.

use std::borrow::Cow;

use super::{RequestId, decode, key::is_variant_of, scan::MAX_DEPTH, text::special};
use crate::{
    RequestParams,
    meta::{self, RequestMeta},
    params,
};

/// How many keys may be open at once: those of an object and of all that it is in. Kept on the stack.
const MAX_KEYS: usize = 32;

/// A request in which nothing is unusual, without its parameters.
pub(super) struct Ordinary<'a> {
    pub(super) id: RequestId,
    pub(super) method: &'a str,
}

/// Reads a request; `None` if it is not ordinary. Its parameters go where they are to stay: they are large.
pub(super) fn read<'a>(
    text: &'a str,
    max_depth: usize,
    params: &mut RequestParams<'a>,
) -> Option<Ordinary<'a>> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        max_depth: max_depth.min(MAX_DEPTH),
        keys: [""; MAX_KEYS],
        open: 0,
    };
    let (mut version, mut id, mut method) = (None, None, None);
    reader.blank();
    reader.object(|reader, key| {
        match key {
            "jsonrpc" => version = Some(reader.plain_string()?),
            "id" => id = Some(reader.id()?),
            "method" => method = Some(reader.plain_string()?),
            "params" => reader.params(params)?,
            "result" | "error" => return None,
            _ => reader.unknown(key, &decode::MEMBERS)?,
        }
        Some(())
    })?;
    reader.blank();
    let whole = reader.at == text.len() && version? == "2.0";
    whole.then_some(Ordinary { id: id?, method: method? })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    max_depth: usize,
    keys: [&'a str; MAX_KEYS],
    /// How many of `keys` are in use.
    open: usize,
}

impl<'a> Reader<'a> {
    fn params(&mut self, params: &mut RequestParams<'a>) -> Option<()> {
        self.object(|reader, key| {
            match key {
                "_meta" => reader.meta(params.meta.insert(RequestMeta::default()))?,
                "name" => params.name = Some(reader.plain_string()?.into()),
                "uri" => params.uri = Some(reader.plain_string()?.into()),
                "taskId" => params.task_id = Some(reader.plain_string()?.into()),
                "arguments" => params.arguments = Some(reader.object_text()?),
                "cursor" => params.cursor = Some(reader.plain_string()?.into()),
                "inputResponses" => params.input_responses = Some(reader.object_text()?),
                "requestState" => params.request_state = Some(reader.plain_string()?.into()),
                _ => reader.unknown(key, &params::MEMBERS)?,
            }
            Some(())
        })
    }

    fn meta(&mut self, found: &mut RequestMeta<'a>) -> Option<()> {
        self.object(|reader, key| {
            match key {
                meta::PROTOCOL_VERSION => {
                    found.protocol_version = Some(reader.plain_string()?.into())
                }
                meta::CLIENT_INFO => found.client_info = Some(reader.object_text()?),
                meta::CLIENT_CAPABILITIES => {
                    found.client_capabilities = Some(reader.object_text()?);
                }
                meta::PROGRESS_TOKEN => found.progress_token = Some(reader.id()?),
                meta::LOG_LEVEL => found.log_level = Some(reader.plain_string()?.parse().ok()?),
                meta::TRACEPARENT => found.trace.traceparent = reader.text()?,
                meta::TRACESTATE => found.trace.tracestate = reader.text()?,
                meta::BAGGAGE => found.trace.baggage = reader.text()?,
                _ => reader.unknown(key, &meta::REQUEST_KEYS)?,
            }
            Some(())
        })
    }

    /// Skips the value of a key that nobody here knows, unless it could be taken for one.
    fn unknown(&mut self, key: &str, known: &[&str]) -> Option<()> {
        if is_variant_of(key, known) { None } else { self.value() }
    }

    /// The value if it is a string; any other is skipped.
    fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.peek()? == b'"' {
            return self.plain_string().map(|text| Some(text.into()));
        }
        self.value().map(|()| None)
    }

    fn id(&mut self) -> Option<RequestId> {
        if self.peek()? == b'"' {
            return self.plain_string().map(RequestId::from);
        }
        let from = self.at;
        self.number()?;
        let digits = self.text.get(from..self.at)?;
        // The slow readers do not agree on whether minus zero is an integer.
        if digits.starts_with("-0") { None } else { digits.parse().ok().map(RequestId::Integer) }
    }

    fn object_text(&mut self) -> Option<&'a str> {
        let from = self.at;
        if self.peek()? != b'{' {
            return None;
        }
        self.value()?;
        self.text.get(from..self.at)
    }

    /// Reads an object, handing each key to `member`, which reads the value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.enter(b'{')?;
        let first = self.open;
        self.blank();
        if self.peek()? != b'}' {
            loop {
                let key = self.plain_string()?;
                self.note(key, first)?;
                self.blank();
                self.eat(b':')?;
                self.blank();
                member(self, key)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.open = first;
        self.leave(b'}')
    }

    /// Notes a key of the object whose keys begin at `first`; gives up if it is there already.
    fn note(&mut self, key: &'a str, first: usize) -> Option<()> {
        if self.keys.get(first..self.open)?.contains(&key) {
            return None;
        }
        *self.keys.get_mut(self.open)? = key;
        self.open += 1;
        Some(())
    }

    fn array(&mut self) -> Option<()> {
        self.enter(b'[')?;
        self.blank();
        if self.peek()? != b']' {
            loop {
                self.value()?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.leave(b']')
    }

    /// Skips one value.
    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(|reader, _| reader.value()),
            b'[' => self.array(),
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    /// After a member or an element: whether another one follows.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        self.blank();
        let byte = self.peek()?;
        if byte == end {
            return Some(false);
        }
        self.eat(b',')?;
        self.blank();
        Some(true)
    }

    fn enter(&mut self, open: u8) -> Option<()> {
        if self.depth == self.max_depth {
            return None;
        }
        self.depth += 1;
        self.eat(open)
    }

    fn leave(&mut self, close: u8) -> Option<()> {
        self.depth -= 1;
        self.eat(close)
    }

    /// A string without escapes.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let from = self.at + 1;
        let end = special(bytes, from);
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(from..end)
    }

    /// Skips a string.
    fn string(&mut self) -> Option<()> {
        self.eat(b'"')?;
        loop {
            self.at = special(self.text.as_bytes(), self.at);
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let digits = self.text.as_bytes().get(self.at..)?.first_chunk::<4>()?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.at += 4;
                    }
                    _ => return None,
                },
                // A control character.
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.next()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn some_digits(&mut self) -> Option<()> {
        let from = self.at;
        self.digits();
        (self.at > from).then_some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word.as_bytes()).then_some(())
    }

    #[inline]
    fn blank(&mut self) {
        // Programs write none.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skip_blanks();
        }
    }

    #[cold]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Ordinary, RequestParams};

    fn read(text: &str, max_depth: usize) -> Option<Ordinary<'_>> {
        super::read(text, max_depth, &mut RequestParams::default())
    }

    #[test]
    fn ordinary_requests_are_recognized() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
            " { \"method\" : \"m\" , \"id\" : \"x\" ,\r\n\t\"jsonrpc\" : \"2.0\" , \"params\" : { } } ",
            r#"{"jsonrpc":"2.0","id":-5,"method":"tools/call","params":{"name":"é","arguments":
               {"a":[1,-0.5e+3,true,false,null,"\u00e9\n\"",[],{}],"b":{"a":0}},"x":1}}"#,
        ] {
            assert!(read(text, 64).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_others() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1,"a":2}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"b":{"a":1,"a":2}}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":01}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":1.}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":"\x"}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":"\u12g4"}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":[[]]}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m"}x"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m",}"#,
        ] {
            assert!(read(text, 64).is_none(), "{text}");
        }
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"x":{open}{close}}}}}"#)
        };
        assert!(read(&nested(8), 10).is_some());
        assert!(read(&nested(9), 10).is_none());
        let keys = |count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{{}}}}}"#, members.join(","))
        };
        assert!(read(&keys(28), 64).is_some());
        assert!(read(&keys(29), 64).is_none());
    }
}
