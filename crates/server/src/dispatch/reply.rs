//! Outcomes of handlers, encoded.

use palisade_protocol::{
    CallToolResult, ErrorCode, ErrorObject, InputRequiredResult, RequestId, ResultBody, ResultType,
    encode,
};
use palisade_security::RejectError;
use palisade_transport::{Call, Reply, ReplyOutcome};
use serde::Serialize;

use crate::{Context, HandlerError, error::Failure, input::invalid_state, server::Shared};

/// A complete result.
pub(super) fn complete<T: ResultBody + Serialize>(
    server: &Shared,
    call: &Call<'_>,
    result: T,
    outcome: ReplyOutcome,
) -> Reply {
    result_of(server, call, result, ResultType::Complete, outcome, encode::result)
}

/// A tool's outcome: its failure is a result too.
pub(super) fn tool(
    server: &Shared,
    call: &Call<'_>,
    context: &Context,
    outcome: Result<CallToolResult, HandlerError>,
) -> Reply {
    let result = match outcome.map_err(|error| *error.0) {
        Ok(result) | Err(Failure::Tool(result)) => result,
        Err(Failure::Protocol(failure)) => return error(call, &failure),
        Err(Failure::Denied(reason)) => return rejected(call, &RejectError::from(reason)),
        Err(Failure::InputRequired) => return input_required(server, call, context),
        Err(Failure::StateUsed) => return input_refused(call, &invalid_state()),
    };
    let outcome = match result.is_error {
        Some(true) => ReplyOutcome::ToolFailed,
        _ => ReplyOutcome::Completed,
    };
    result_of(server, call, result, ResultType::Complete, outcome, encode::tool_result)
}

/// The outcome of a prompt or a resource: a failure that is no protocol error stays inside.
pub(super) fn other<T: ResultBody + Serialize>(
    server: &Shared,
    call: &Call<'_>,
    context: &Context,
    outcome: Result<T, HandlerError>,
) -> Reply {
    match outcome.map_err(|error| *error.0) {
        Ok(result) => complete(server, call, result, ReplyOutcome::Completed),
        Err(Failure::Protocol(failure)) => error(call, &failure),
        Err(Failure::Denied(reason)) => rejected(call, &RejectError::from(reason)),
        Err(Failure::InputRequired) => input_required(server, call, context),
        Err(Failure::StateUsed) => input_refused(call, &invalid_state()),
        Err(Failure::Tool(_)) => {
            // As with a panic, the text may hold anything: a handler that wants it logged logs it.
            tracing::error!(method = %call.request.method, "handler failed");
            error(call, &ErrorObject::internal())
        }
    }
}

/// A request for input, with the sealed state.
fn input_required(server: &Shared, call: &Call<'_>, context: &Context) -> Reply {
    match context.inputs().seal(server, call) {
        Some((requests, state)) => {
            let result = if requests.is_empty() {
                InputRequiredResult::retry(state)
            } else {
                InputRequiredResult::new(requests).with_request_state(state)
            };
            let (kind, outcome) = (ResultType::InputRequired, ReplyOutcome::InputRequired);
            result_of(server, call, result, kind, outcome, encode::result)
        }
        None => {
            tracing::error!(method = %call.request.method, "request state exceeds its limit");
            error(call, &ErrorObject::internal())
        }
    }
}

fn result_of<T: ResultBody>(
    server: &Shared,
    call: &Call<'_>,
    mut result: T,
    result_type: ResultType,
    outcome: ReplyOutcome,
    encode: fn(&RequestId, &T) -> Result<Vec<u8>, serde_json::Error>,
) -> Reply {
    result.result_type_mut().get_or_insert(result_type);
    result.meta_mut().server_info.get_or_insert_with(|| server.info.clone());
    match encode(&call.request.id, &result) {
        Ok(message) => Reply::result(message.into(), outcome),
        Err(failure) => {
            tracing::error!(error = %failure, method = %call.request.method, "result does not encode");
            error(call, &ErrorObject::internal())
        }
    }
}

/// A JSON-RPC error.
pub(super) fn error(call: &Call<'_>, error: &ErrorObject) -> Reply {
    Reply::error(Some(&call.request.id), error, code_of(error.code))
}

/// Answers or a state that are not good for this request. The peer learns no more than from any other
/// wrong parameter; the record says that they were refused.
pub(super) fn input_refused(call: &Call<'_>, failure: &ErrorObject) -> Reply {
    error(call, failure).with_outcome(ReplyOutcome::Denied("input_refused"))
}

/// A refusal with its own status and code.
pub(super) fn rejected(call: &Call<'_>, reject: &RejectError) -> Reply {
    Reply::rejected(Some(&call.request.id), reject)
}

/// `-32601`.
pub(super) fn method_not_found(call: &Call<'_>) -> Reply {
    error(call, &ErrorObject::method_not_found())
}

/// The stable name of an error, for the audit record.
fn code_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::METHOD_NOT_FOUND => "method_not_found",
        ErrorCode::INVALID_PARAMS => "invalid_params",
        ErrorCode::INTERNAL_ERROR => "internal_error",
        ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => "missing_client_capability",
        _ => "application_error",
    }
}
