//! Input that a server may ask for: the handlers of this client, and the gate before and behind them.

mod budget;
mod handlers;
mod url;

use std::{fmt, sync::Arc};

use palisade_protocol::{
    ClientCapabilities, ElicitAction, ElicitRequestParams, ElicitResult, ElicitSchema,
    ElicitationCapability, InputRequest, InputRequests, RawJson, RootsCapability,
    SamplingCapability,
};
use serde::Serialize;

use self::budget::Budget;
pub use self::{
    budget::SamplingBudget,
    handlers::{ElicitationHandler, RootsHandler, SamplingHandler, UrlElicitationHandler},
};
use crate::{ClientError, InputRefusal, InvalidRequest, engine::member};

/// How many requests for input one result may hold.
const MAX_REQUESTS: usize = 32;

/// The handlers of one client. What has no handler is not declared, and refused if asked for.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) form: Option<Arc<dyn ElicitationHandler>>,
    pub(crate) url: Option<Arc<dyn UrlElicitationHandler>>,
    pub(crate) sampling: Option<Arc<dyn SamplingHandler>>,
    pub(crate) roots: Option<Arc<dyn RootsHandler>>,
    /// What is left of what servers may ask of the sampling handler.
    budget: Arc<Budget>,
    /// The sampling handler can let the model use tools.
    pub(crate) sampling_tools: bool,
    /// The sampling handler can add context of other servers.
    pub(crate) sampling_context: bool,
}

impl Handlers {
    pub(crate) fn set_sampling_budget(&mut self, budget: SamplingBudget) {
        self.budget = Arc::new(Budget::new(budget));
    }

    /// What the handlers amount to.
    pub(crate) fn capabilities(&self) -> ClientCapabilities {
        let mut all = ClientCapabilities::new();
        if self.form.is_some() || self.url.is_some() {
            let mut elicitation = ElicitationCapability::new();
            if self.form.is_some() {
                elicitation = elicitation.with_form();
            }
            if self.url.is_some() {
                elicitation = elicitation.with_url();
            }
            all = all.with_elicitation(elicitation);
        }
        if self.sampling.is_some() {
            let mut sampling = SamplingCapability::new();
            if self.sampling_tools {
                sampling = sampling.with_tools();
            }
            if self.sampling_context {
                sampling = sampling.with_context();
            }
            all = all.with_sampling(sampling);
        }
        if self.roots.is_some() {
            all = all.with_roots(RootsCapability::new());
        }
        all
    }

    /// Answers what the server asks for, in its order, and returns the `inputResponses` object. All
    /// requests are checked before the first handler sees any: a result that asks for one thing that was
    /// never offered is refused as a whole.
    pub(crate) async fn answer(&self, requests: InputRequests) -> Result<Vec<u8>, ClientError> {
        if requests.len() > MAX_REQUESTS {
            return Err(InputRefusal::TooMany { limit: MAX_REQUESTS }.into());
        }
        let declared = self.capabilities();
        for (_, request) in requests.iter() {
            check(&declared, request)?;
        }
        let mut responses = vec![b'{'];
        for (key, request) in requests {
            let answer = self.answer_one(request).await?;
            member(&mut responses, &key, &answer)?;
        }
        // Every member began with a comma: the first one gives its place to the brace.
        match responses.get_mut(1) {
            Some(comma) => {
                *comma = b' ';
                responses.push(b'}');
            }
            None => responses.push(b'}'),
        }
        Ok(responses)
    }

    /// Answers one request for input, with the same checks.
    pub(crate) async fn answer_single(
        &self,
        request: InputRequest,
    ) -> Result<RawJson, ClientError> {
        check(&self.capabilities(), &request)?;
        self.answer_one(request).await
    }

    async fn answer_one(&self, request: InputRequest) -> Result<RawJson, ClientError> {
        let undeclared = InputRefusal::Undeclared(request.method());
        match request {
            InputRequest::Elicit(ElicitRequestParams::Form(params)) => {
                let handler = self.form.as_ref().ok_or(undeclared)?;
                let schema = params.requested_schema.clone();
                let answer = handler.elicit(params).await?;
                encoded(&checked(answer, &schema)?)
            }
            InputRequest::Elicit(ElicitRequestParams::Url(params)) => {
                let handler = self.url.as_ref().ok_or(undeclared)?;
                encoded(&match handler.visit(params).await? {
                    ElicitAction::Accept => ElicitResult::accept_url(),
                    ElicitAction::Decline => ElicitResult::decline(),
                    _ => ElicitResult::cancel(),
                })
            }
            InputRequest::CreateMessage(params) => {
                let handler = self.sampling.as_ref().ok_or(undeclared)?;
                if !self.budget.take(params.max_tokens) {
                    return Err(InputRefusal::Budget.into());
                }
                encoded(&handler.create_message(*params).await?)
            }
            InputRequest::ListRoots => {
                let handler = self.roots.as_ref().ok_or(undeclared)?;
                encoded(&handler.list_roots().await?)
            }
            _ => Err(undeclared.into()),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").field("capabilities", &self.capabilities()).finish()
    }
}

/// Refuses what was not declared, and what must not be asked for.
fn check(declared: &ClientCapabilities, request: &InputRequest) -> Result<(), InputRefusal> {
    if !declared.covers(&request.required_capabilities()) {
        return Err(InputRefusal::Undeclared(request.method()));
    }
    match request {
        InputRequest::Elicit(ElicitRequestParams::Url(params)) => url::check(&params.url),
        InputRequest::Elicit(ElicitRequestParams::Form(params)) => match params.requests_secret() {
            Some(field) => Err(InputRefusal::Secret { field: field.to_owned() }),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn encoded<T: Serialize>(answer: &T) -> Result<RawJson, ClientError> {
    RawJson::from_serialize(answer).map_err(|_| InvalidRequest::Json.into())
}

/// The answer to a form as it may be sent: what was accepted fits the form and holds nothing else, what
/// was not accepted holds nothing.
fn checked(answer: ElicitResult, schema: &ElicitSchema) -> Result<ElicitResult, InputRefusal> {
    match answer.action {
        ElicitAction::Accept => {
            let content = answer.content.unwrap_or_default();
            schema.validate(&content).map_err(InputRefusal::Answer)?;
            match content.keys().find(|name| !schema.properties.contains_key(name)) {
                Some(field) => Err(InputRefusal::Unrequested { field: field.clone() }),
                None => Ok(ElicitResult::accept(content)),
            }
        }
        ElicitAction::Decline => Ok(ElicitResult::decline()),
        _ => Ok(ElicitResult::cancel()),
    }
}
