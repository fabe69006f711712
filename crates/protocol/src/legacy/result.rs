//! Results in the words of an older revision.

use serde_json::value::RawValue;

use super::shape::result_of;
use crate::ProtocolVersion;

/// A result of the newest revision as a client of this one may see it, as JSON text.
///
/// Fields that the revision does not know are left out. Content of a kind that it does not know becomes text
/// that says what there was. A structured result that is no object, and an output schema that does not say
/// `object`, are left out before 2026-07-28; the text beside them stays.
///
/// A result that asks for input must not come here: its questions are requests of their own, see
/// [`request_for`](super::request_for).
#[must_use]
pub fn result_for(version: ProtocolVersion, method: &str, result: &RawValue) -> Vec<u8> {
    let mut out = Vec::with_capacity(result.get().len());
    if version.is_modern() {
        out.extend_from_slice(result.get().as_bytes());
    } else {
        result_of(method).write(version, result, &mut out);
    }
    out
}

#[cfg(test)]
mod tests;
