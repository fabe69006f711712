//! Input that a handler asks the client for: the questions, the answers, and the sealed state between.
//!
//! The state a client carries from one try to the next holds every answer so far, so that the handler
//! can run again from its beginning. It is sealed for one principal, one method, one target and one set
//! of arguments, and it expires; each answer counts only for the very question it was given to.
//!
//! # Specification
//!
//! MCP 2026-07-28, Multi Round-Trip Requests.

mod redeemed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use palisade_protocol::{ElicitRequestParams, ErrorObject, InputRequest, InputRequests, RawJson};
use palisade_security::{
    SealPurpose, UnixMillis,
    digest::{digest_parts, random_bytes},
};
use palisade_transport::Call;
use serde::{Deserialize, Serialize};

pub(crate) use self::redeemed::{ExchangeId, Redeemed, Refused};
use crate::server::Shared;

/// Identifies one question: the start of a digest of the request that was sent.
type Question = [u8; 16];

/// An answer and the question it was given to; without one, it was given before it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    question: Option<Question>,
    response: RawJson,
}

/// What the client carries, before it is sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Carried {
    /// The same in every state of one exchange.
    exchange: ExchangeId,
    expires_at: u64,
    answers: BTreeMap<String, Answer>,
    asked: BTreeMap<String, Question>,
}

/// The answers at hand and the questions asked during one run of a handler. Most requests have none.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Mutex<Option<Box<State>>>);

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    used: BTreeSet<String>,
    requests: InputRequests,
    asked: BTreeMap<String, Question>,
    /// The exchange that the request goes on with.
    exchange: Option<Exchange>,
    /// Whether the handler needs one.
    needs_exchange: bool,
}

/// An exchange, and for how long it must be remembered once it is redeemed.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    id: ExchangeId,
    now: UnixMillis,
    until: UnixMillis,
}

/// What came of redeeming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redemption {
    Done,
    Refused(Refused),
    /// The request brings no state that could be redeemed.
    NoState,
}

impl Inputs {
    /// The answers that a request brings. With a state, only what was asked counts. Without one the
    /// client answers ahead: it speaks for its user either way, and what it says is checked against the
    /// question when the handler asks it.
    ///
    /// # Errors
    ///
    /// `-32602` with one fixed message for a state that is not this server's, not for this request, or
    /// too old: the reason would help only whoever forged it.
    pub(crate) fn open(server: &Shared, call: &Call<'_>) -> Result<Self, ErrorObject> {
        let carried = match &call.params.request_state {
            Some(token) => Some(open_state(server, call, token).ok_or_else(|| {
                tracing::warn!(principal = call.principal.subject(), "request state refused");
                invalid_state()
            })?),
            None => None,
        };
        if carried.is_none() && call.params.input_responses.is_none() {
            return Ok(Self::default());
        }
        let exchange = carried.as_ref().map(|carried| Exchange::of(carried.exchange, call));
        let answers = answers(call, carried)?;
        let state = State { answers, exchange, ..State::default() };
        Ok(Self(Mutex::new(Some(Box::new(state)))))
    }

    /// The answer to this question, if the client has given one.
    pub(crate) fn answer(&self, key: &str, request: &InputRequest) -> Option<RawJson> {
        let mut state = self.lock();
        let state = state.as_mut()?;
        let answer = state.answers.get_mut(key)?;
        let question = question_of(request);
        if *answer.question.get_or_insert(question) != question {
            return None;
        }
        let response = answer.response.clone();
        state.used.insert(key.to_owned());
        Some(response)
    }

    /// Notes a question for the client.
    pub(crate) fn ask(&self, key: &str, request: InputRequest) {
        let mut state = self.lock();
        let state = state.get_or_insert_default();
        state.answers.remove(key);
        state.asked.insert(key.to_owned(), question_of(&request));
        state.requests.insert(key, request);
    }

    /// Uses up the state that the request brings. Without one, the reply will give one, to come back with.
    pub(crate) fn redeem(&self, redeemed: &Redeemed) -> Redemption {
        let mut state = self.lock();
        let state = state.get_or_insert_default();
        let Some(Exchange { id, now, until }) = state.exchange else {
            state.needs_exchange = true;
            return Redemption::NoState;
        };
        redeemed.redeem(id, now, until).map_or_else(Redemption::Refused, |()| Redemption::Done)
    }

    /// The questions asked, and the sealed state that goes with them. `None` if nothing is wanted of the
    /// client or the state would exceed the limit.
    pub(crate) fn seal(&self, server: &Shared, call: &Call<'_>) -> Option<(InputRequests, String)> {
        let mut state = self.lock();
        let state = state.as_mut()?;
        if state.requests.is_empty() && !state.needs_exchange {
            return None;
        }
        let exchange = match state.exchange {
            Some(exchange) => exchange.id,
            None => random_bytes().ok()?,
        };
        let limits = call.security.limits();
        // Answers that nobody asked for are not carried: they could grow the state beyond its limit.
        let State { answers, used, .. } = &mut **state;
        answers.retain(|key, _| used.contains(key));
        let carried = Carried {
            exchange,
            expires_at: call
                .security
                .clock()
                .now()
                .saturating_add(limits.request_state_ttl())
                .as_millis(),
            answers: std::mem::take(&mut state.answers),
            asked: std::mem::take(&mut state.asked),
        };
        let plain = serde_json::to_vec(&carried).ok()?;
        let sealed = call
            .security
            .sealer()
            .seal(SealPurpose::RequestState, &[&binding(server, call)], &plain)
            .ok()?;
        (sealed.len() <= limits.max_request_state_bytes())
            .then(|| (std::mem::take(&mut state.requests), sealed))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<State>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answers that count: to what was asked, or given ahead.
fn answers(
    call: &Call<'_>,
    carried: Option<Carried>,
) -> Result<BTreeMap<String, Answer>, ErrorObject> {
    let Some(responses) = call.params.input_responses else {
        return Ok(carried.unwrap_or_default().answers);
    };
    let responses: BTreeMap<String, RawJson> = serde_json::from_str(responses)
        .map_err(|_| ErrorObject::invalid_params("invalid input responses"))?;
    let Some(Carried { mut answers, asked, .. }) = carried else {
        let ahead = |response| Answer { question: None, response };
        return Ok(responses.into_iter().map(|(key, r)| (key, ahead(r))).collect());
    };
    for (key, response) in responses {
        if let Some(question) = asked.get(&key) {
            answers.insert(key, Answer { question: Some(*question), response });
        }
    }
    Ok(answers)
}

/// One message for every state that is not good, so that nobody learns how far a forgery got.
pub(crate) fn invalid_state() -> ErrorObject {
    ErrorObject::invalid_params("invalid request state")
}

impl Exchange {
    fn of(id: ExchangeId, call: &Call<'_>) -> Self {
        let now = call.security.clock().now();
        // A request that is under way when the exchange is redeemed can still seal a state, and that one
        // opens for the time of a state.
        let ttl = call.security.limits().request_state_ttl();
        let under_way = call.security.limits().request_timeout();
        let until = now.saturating_add(under_way).saturating_add(under_way).saturating_add(ttl);
        Self { id, now, until }
    }
}

fn open_state(server: &Shared, call: &Call<'_>, token: &str) -> Option<Carried> {
    if token.len() > call.security.limits().max_request_state_bytes() {
        return None;
    }
    let plain = call
        .security
        .sealer()
        .open(SealPurpose::RequestState, &[&binding(server, call)], token)
        .ok()?;
    let carried: Carried = serde_json::from_slice(&plain).ok()?;
    let is_fresh = call.security.clock().now() < UnixMillis::new(carried.expires_at);
    (is_fresh && !server.redeemed.contains(&carried.exchange)).then_some(carried)
}

/// What a state is good for: this server, principal, method, target and arguments.
fn binding(server: &Shared, call: &Call<'_>) -> [u8; 32] {
    let target = call.params.mirrored_name(&call.request.method).unwrap_or_default();
    let arguments = call.params.arguments.map(canonical).unwrap_or_default();
    digest_parts(&[
        server.info.name.as_bytes(),
        &call.principal.context_key(),
        call.request.method.as_bytes(),
        target.as_bytes(),
        arguments.as_bytes(),
    ])
}

/// A url counts as far as it says where it leads: what follows may be made anew for every question, as the
/// token is that binds a link to its user.
fn question_of(request: &InputRequest) -> Question {
    let request = match request {
        InputRequest::Elicit(ElicitRequestParams::Url(visit)) => {
            let mut visit = visit.clone();
            visit.url.truncate(visit.url.find(['?', '#']).unwrap_or(visit.url.len()));
            &InputRequest::from(visit)
        }
        other => other,
    };
    let json = serde_json::to_string(request).map(|json| canonical(&json)).unwrap_or_default();
    let mut question = Question::default();
    for (to, from) in question.iter_mut().zip(digest_parts(&[json.as_bytes()])) {
        *to = from;
    }
    question
}

/// JSON without the freedom of writing it: no blanks, members sorted. Clients may write the same
/// arguments differently when they try again. Numbers stay as they are written: read as `f64`, large ones
/// that differ would become the same.
fn canonical(json: &str) -> String {
    match take(json) {
        Some((text, rest)) if rest.trim_ascii().is_empty() => text,
        _ => json.to_owned(),
    }
}

/// The value at the beginning of JSON of bounded depth, canonical, and what follows it.
fn take(json: &str) -> Option<(String, &str)> {
    let json = json.trim_ascii_start();
    let (first, mut rest) = json.split_at_checked(1)?;
    let (open, close) = match first {
        "{" => ('{', '}'),
        "[" => ('[', ']'),
        "\"" => {
            let mut escaped = false;
            let end = rest.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            })?;
            let (text, rest) = json.split_at_checked(end.checked_add(2)?)?;
            let text: String = serde_json::from_str(text).ok()?;
            return Some((serde_json::to_string(&text).ok()?, rest));
        }
        _ => {
            let end = json.find(|c: char| c.is_ascii_whitespace() || ",]}".contains(c));
            let (scalar, rest) = json.split_at_checked(end.unwrap_or(json.len()))?;
            return Some((scalar.to_owned(), rest));
        }
    };
    let mut parts = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(close) {
            if open == '{' {
                parts.sort_unstable();
            }
            return Some((format!("{open}{}{close}", parts.join(",")), after));
        }
        let (mut part, mut after) = take(rest.strip_prefix(',').unwrap_or(rest))?;
        if open == '{' {
            let (value, behind) = take(after.trim_ascii_start().strip_prefix(':')?)?;
            part.push(':');
            part.push_str(&value);
            after = behind;
        }
        parts.push(part);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use palisade_protocol::{ElicitRequestUrlParams, InputRequest};

    use super::{canonical, question_of};

    #[test]
    fn a_link_is_the_same_question_with_another_token_and_another_with_another_page() {
        let question = |message: &str, url: &str| {
            question_of(&InputRequest::from(ElicitRequestUrlParams::new(message, url)))
        };
        let asked = question("connect", "https://example.com/connect?token=1");
        assert_eq!(asked, question("connect", "https://example.com/connect?token=2"));
        assert_eq!(asked, question("connect", "https://example.com/connect#3"));
        assert_ne!(asked, question("connect", "https://example.com/disconnect?token=1"));
        assert_ne!(asked, question("connect", "https://evil.example/connect?token=1"));
        assert_ne!(asked, question("pay", "https://example.com/connect?token=1"));
    }

    #[test]
    fn writing_does_not_matter_but_values_do() {
        assert_eq!(
            canonical(r#"{ "b": [1, {"y":2,"x":1}], "a": "\u0041" }"#),
            canonical(r#"{"a":"A","b":[1,{"x":1,"y":2}]}"#)
        );
        assert_ne!(canonical(r#"{"a":1}"#), canonical(r#"{"a":"1"}"#));
        assert_ne!(canonical(r#"{"a":[1,2]}"#), canonical(r#"{"a":[2,1]}"#));
        assert_eq!(
            canonical(r#" { "b\"," : [ ] , "a" : [ true , null , {} , -1.5e3 ] } "#),
            r#"{"a":[true,null,{},-1.5e3],"b\",":[]}"#
        );
    }

    #[test]
    fn r2_large_numbers_that_differ_stay_different() {
        for (one, other) in [
            ("18446744073709551617", "18446744073709551618"),
            ("0.1", "0.10000000000000000001"),
            ("9007199254740993.0", "9007199254740992.0"),
        ] {
            let of = |number: &str| canonical(&format!(r#"{{"amount":{number}}}"#));
            assert_ne!(of(one), of(other));
        }
    }
}
