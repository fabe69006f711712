//! Errors in the words of an older revision.

use std::borrow::Cow;

use crate::{ErrorCode, ErrorObject, ProtocolVersion, method};

/// An error of the newest revision as a client of this one may see it.
///
/// A resource that does not exist has a code of its own, `-32002`. The codes for headers, capabilities and
/// versions do not exist: the first two become `-32600`, the last `-32602`. Message and data stay.
#[must_use]
pub fn error_for<'a>(
    version: ProtocolVersion,
    method: &str,
    error: &'a ErrorObject,
) -> Cow<'a, ErrorObject> {
    let code = match error.code {
        _ if version.is_modern() => error.code,
        ErrorCode::INVALID_PARAMS if method == method::RESOURCES_READ && names_uri(error) => {
            ErrorCode::LEGACY_RESOURCE_NOT_FOUND
        }
        ErrorCode::HEADER_MISMATCH | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => {
            ErrorCode::INVALID_REQUEST
        }
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => ErrorCode::INVALID_PARAMS,
        code => code,
    };
    if code == error.code {
        Cow::Borrowed(error)
    } else {
        Cow::Owned(ErrorObject { code, ..error.clone() })
    }
}

/// Whether the details name the resource, as [`ErrorObject::resource_not_found`] does.
fn names_uri(error: &ErrorObject) -> bool {
    #[derive(serde::Deserialize)]
    struct Data {
        #[serde(rename = "uri")]
        _uri: String,
    }

    error.data.as_ref().is_some_and(|data| data.decode::<Data>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, error: &ErrorObject, older: i32) {
        for version in ProtocolVersion::ALL {
            let sent = error_for(version, method, error);
            let code = if version.is_modern() { error.code } else { ErrorCode::new(older) };
            assert_eq!(*sent, ErrorObject { code, ..error.clone() }, "{version}");
        }
    }

    #[test]
    fn codes_of_the_newest_revision_become_older_ones() {
        check(method::RESOURCES_READ, &ErrorObject::resource_not_found("u:v"), -32002);
        check(method::RESOURCES_READ, &ErrorObject::invalid_params("no"), -32602);
        check(method::TOOLS_CALL, &ErrorObject::resource_not_found("u:v"), -32602);
        let versions = ErrorObject::unsupported_protocol_version("x", &ProtocolVersion::ALL);
        check(method::TOOLS_LIST, &versions, -32602);
        for code in [ErrorCode::HEADER_MISMATCH, ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY] {
            check(method::TOOLS_CALL, &ErrorObject::new(code, "no"), -32600);
        }
        for code in [-32700, -32600, -32601, -32603, 7] {
            check(method::TOOLS_CALL, &ErrorObject::new(ErrorCode::new(code), "no"), code);
        }
    }
}
