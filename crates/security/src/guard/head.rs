//! [`Head`]: the headers that the guard decides over, found in one walk.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, ValueIter},
};

/// A header that the guard decides over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    Host,
    Origin,
    Upgrade,
    TransferEncoding,
    ContentLength,
    ContentType,
    ContentEncoding,
    Accept,
}

const LOOKED: usize = 8;

/// The headers of a request. They are walked over anyway, to learn their size; to look each of these up
/// would take as long again.
pub(super) struct Head<'a> {
    pub(super) headers: &'a HeaderMap,
    /// As on the wire of HTTP/1.1: name, colon, space, value, line end.
    pub(super) bytes: usize,
    /// One value of each.
    found: [Option<&'a HeaderValue>; LOOKED],
    /// Whether one of them is there several times: then only the map knows.
    repeated: bool,
}

impl<'a> Head<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut head = Self { headers, bytes: 0, found: [None; LOOKED], repeated: false };
        for (name, value) in headers {
            head.bytes += name.as_str().len() + value.len() + 4;
            let found = Looked::of(name).and_then(|looked| head.found.get_mut(looked as usize));
            if let Some(found) = found {
                head.repeated |= found.replace(value).is_some();
            }
        }
        head
    }

    /// All values of one of them, in the order in which they came.
    pub(super) fn values(&self, looked: Looked) -> Values<'a> {
        match self.repeated {
            false => Values::One(self.found.get(looked as usize).copied().flatten()),
            true => Values::All(self.headers.get_all(looked.name()).iter()),
        }
    }
}

/// The values of a header.
pub(super) enum Values<'a> {
    One(Option<&'a HeaderValue>),
    All(ValueIter<'a, HeaderValue>),
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a HeaderValue;

    #[inline]
    fn next(&mut self) -> Option<&'a HeaderValue> {
        match self {
            Self::One(value) => value.take(),
            Self::All(values) => values.next(),
        }
    }
}

impl Looked {
    fn of(name: &HeaderName) -> Option<Self> {
        Some(match name.as_str() {
            "host" => Self::Host,
            "origin" => Self::Origin,
            "upgrade" => Self::Upgrade,
            "transfer-encoding" => Self::TransferEncoding,
            "content-length" => Self::ContentLength,
            "content-type" => Self::ContentType,
            "content-encoding" => Self::ContentEncoding,
            "accept" => Self::Accept,
            _ => return None,
        })
    }

    const fn name(self) -> HeaderName {
        match self {
            Self::Host => header::HOST,
            Self::Origin => header::ORIGIN,
            Self::Upgrade => header::UPGRADE,
            Self::TransferEncoding => header::TRANSFER_ENCODING,
            Self::ContentLength => header::CONTENT_LENGTH,
            Self::ContentType => header::CONTENT_TYPE,
            Self::ContentEncoding => header::CONTENT_ENCODING,
            Self::Accept => header::ACCEPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, header};

    use super::{Head, LOOKED, Looked};

    const ALL: [Looked; LOOKED] = [
        Looked::Host,
        Looked::Origin,
        Looked::Upgrade,
        Looked::TransferEncoding,
        Looked::ContentLength,
        Looked::ContentType,
        Looked::ContentEncoding,
        Looked::Accept,
    ];

    /// The walk and the map say the same of every header, none, one or two of each, among others.
    #[test]
    fn what_is_found_is_what_is_there() {
        for number in 0..3_usize.pow(8) {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static("x"));
            headers.append("x-other", HeaderValue::from_static("y"));
            headers.append("x-other", HeaderValue::from_static("z"));
            let mut rest = number;
            for looked in ALL {
                for value in ["first", "second"].into_iter().take(rest % 3) {
                    headers.append(looked.name(), HeaderValue::from_static(value));
                }
                rest /= 3;
            }
            let head = Head::of(&headers);
            for looked in ALL {
                assert!(head.values(looked).eq(headers.get_all(looked.name())), "{headers:?}");
            }
            let bytes =
                |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
            assert_eq!(head.bytes, headers.iter().map(bytes).sum::<usize>());
        }
    }
}
