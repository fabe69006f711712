//! Suggestions for the arguments of prompts and the variables of resource templates.

use std::{collections::BTreeMap, sync::Arc};

use palisade_transport::BoxFuture;

use crate::Context;

/// What is to be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletionRequest {
    /// The argument's name.
    pub argument: String,
    /// What has been typed so far.
    pub value: String,
    /// Arguments that are settled already.
    pub settled: BTreeMap<String, String>,
}

/// Suggests values.
pub(crate) trait Completer: Send + Sync {
    fn complete(
        &self,
        request: CompletionRequest,
        context: Context,
    ) -> BoxFuture<'static, Vec<String>>;
}

pub(crate) fn completer<F, Fut>(function: F) -> Arc<dyn Completer>
where
    F: Fn(CompletionRequest, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Vec<String>> + Send + 'static,
{
    struct Function<F>(F);

    impl<F, Fut> Completer for Function<F>
    where
        F: Fn(CompletionRequest, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<String>> + Send + 'static,
    {
        fn complete(
            &self,
            request: CompletionRequest,
            context: Context,
        ) -> BoxFuture<'static, Vec<String>> {
            Box::pin((self.0)(request, context))
        }
    }

    Arc::new(Function(function))
}
