//! Replays the examples of the specification: each decodes into its type and encodes back to the same JSON.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::{fs, path::Path};

use palisade_protocol::{
    BlobResourceContents, CallToolRequestParams, CallToolResult, CancelledNotificationParams,
    ClientCapabilities, CompleteRequestParams, CompleteResult, ContentBlock,
    CreateMessageRequestParams, CreateMessageResult, DecodeLimits, DiscoverResult,
    ElicitRequestFormParams, ElicitRequestParams, ElicitRequestUrlParams, ElicitResult,
    ErrorObject, GetPromptRequestParams, GetPromptResult, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListRootsResult, ListToolsResult, LoggingMessageNotificationParams,
    Message, ModelPreferences, NotificationParams, PaginatedRequestParams,
    PrimitiveSchemaDefinition, ProgressNotificationParams, ReadResourceRequestParams,
    ReadResourceResult, RequestMeta, Resource, ResourceContents, ResourceUpdatedNotificationParams,
    Root, SamplingMessage, SamplingMessageContentBlock, ServerCapabilities,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams,
    SubscriptionsListenResult, TextResourceContents, Tool, method,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// As many as the specification has: a missing copy is not a passed test.
const EXAMPLES: usize = 129;

#[test]
fn every_example_survives_both_ways() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/2026-07-28");
    let mut count = 0;
    for folder in fs::read_dir(root).unwrap().map(Result::unwrap).filter(|it| it.path().is_dir()) {
        let name = folder.file_name().into_string().unwrap();
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let text = fs::read_to_string(file.path()).unwrap();
            let example =
                Example { path: format!("{name}/{}", file.file_name().display()), text: &text };
            example.check(&name);
            count += 1;
        }
    }
    assert_eq!(count, EXAMPLES);
}

struct Example<'a> {
    path: String,
    text: &'a str,
}

impl Example<'_> {
    fn check(&self, name: &str) {
        match name {
            "AudioContent" | "EmbeddedResource" | "ImageContent" | "ResourceLink"
            | "TextContent" => {
                self.same::<ContentBlock>();
            }
            "BlobResourceContents" => {
                self.same::<BlobResourceContents>();
                self.same::<ResourceContents>();
            }
            "TextResourceContents" => {
                self.same::<TextResourceContents>();
                self.same::<ResourceContents>();
            }
            "ToolResultContent" | "ToolUseContent" => self.same::<SamplingMessageContentBlock>(),
            "BooleanSchema"
            | "NumberSchema"
            | "StringSchema"
            | "TitledMultiSelectEnumSchema"
            | "TitledSingleSelectEnumSchema"
            | "UntitledMultiSelectEnumSchema"
            | "UntitledSingleSelectEnumSchema" => self.same::<PrimitiveSchemaDefinition>(),
            "CallToolResult" => self.same::<CallToolResult>(),
            "ClientCapabilities" => self.same::<ClientCapabilities>(),
            "CompleteResult" => self.same::<CompleteResult>(),
            "CreateMessageRequestParams" => self.same::<CreateMessageRequestParams>(),
            "CreateMessageResult" => self.same::<CreateMessageResult>(),
            "DiscoverResult" => self.same::<DiscoverResult>(),
            "ElicitRequestFormParams" => {
                self.same::<ElicitRequestFormParams>();
                self.same::<ElicitRequestParams>();
            }
            "ElicitRequestURLParams" => {
                self.same::<ElicitRequestUrlParams>();
                self.same::<ElicitRequestParams>();
            }
            "ElicitResult" => self.same::<ElicitResult>(),
            "GetPromptResult" => self.same::<GetPromptResult>(),
            "CreateMessageRequest" | "ElicitRequest" | "ListRootsRequest" => {
                // Inside a result an input request has no id of its own.
                let mut value = self.value();
                value.as_object_mut().unwrap().remove("id");
                self.round_trip::<InputRequest>(&value, &value);
            }
            "InputRequests" => self.same::<InputRequests>(),
            "InputRequiredResult" => {
                let value = self.value();
                self.round_trip::<InputRequiredResult>(&value, &with_form_mode(&value));
            }
            "InputResponses" => {
                self.same::<InputResponses>();
                let responses: InputResponses = serde_json::from_str(self.text).unwrap();
                responses.get("github_login").unwrap().decode::<ElicitResult>().unwrap();
                responses
                    .get("capital_of_france")
                    .unwrap()
                    .decode::<CreateMessageResult>()
                    .unwrap();
            }
            "ListPromptsResult" => self.same::<ListPromptsResult>(),
            "ListResourceTemplatesResult" => self.same::<ListResourceTemplatesResult>(),
            "ListResourcesResult" => self.same::<ListResourcesResult>(),
            "ListRootsResult" => self.same::<ListRootsResult>(),
            "ListToolsResult" => self.same::<ListToolsResult>(),
            "ModelPreferences" => self.same::<ModelPreferences>(),
            "ReadResourceResult" => self.same::<ReadResourceResult>(),
            "Resource" => self.same::<Resource>(),
            "Root" => self.same::<Root>(),
            "SamplingMessage" => self.same::<SamplingMessage>(),
            "ServerCapabilities" => self.same::<ServerCapabilities>(),
            "SubscriptionsListenResult" => self.same::<SubscriptionsListenResult>(),
            "Tool" => self.same::<Tool>(),
            _ => self.check_params(name),
        }
    }

    fn check_params(&self, name: &str) {
        match name {
            "CallToolRequestParams" => self.params::<CallToolRequestParams>(&self.value()),
            "CompleteRequestParams" => self.params::<CompleteRequestParams>(&self.value()),
            "GetPromptRequestParams" => self.params::<GetPromptRequestParams>(&self.value()),
            "PaginatedRequestParams" => self.params::<PaginatedRequestParams>(&self.value()),
            "CancelledNotificationParams" => self.same::<CancelledNotificationParams>(),
            "LoggingMessageNotificationParams" => self.same::<LoggingMessageNotificationParams>(),
            "ProgressNotificationParams" => self.same::<ProgressNotificationParams>(),
            "ResourceUpdatedNotificationParams" => self.same::<ResourceUpdatedNotificationParams>(),
            "InternalError" | "InvalidParamsError" | "MethodNotFoundError" | "ParseError" => {
                self.same::<ErrorObject>();
            }
            _ => self.check_message(name),
        }
    }

    fn check_message(&self, name: &str) {
        match name {
            "CallToolRequest" => self.request::<CallToolRequestParams>(method::TOOLS_CALL),
            "CompleteRequest" => self.request::<CompleteRequestParams>(method::COMPLETION_COMPLETE),
            "DiscoverRequest" => self.request::<PaginatedRequestParams>(method::SERVER_DISCOVER),
            "GetPromptRequest" => self.request::<GetPromptRequestParams>(method::PROMPTS_GET),
            "ListPromptsRequest" => self.request::<PaginatedRequestParams>(method::PROMPTS_LIST),
            "ListResourceTemplatesRequest" => {
                self.request::<PaginatedRequestParams>(method::RESOURCES_TEMPLATES_LIST);
            }
            "ListResourcesRequest" => {
                self.request::<PaginatedRequestParams>(method::RESOURCES_LIST)
            }
            "ListToolsRequest" => self.request::<PaginatedRequestParams>(method::TOOLS_LIST),
            "ReadResourceRequest" => {
                self.request::<ReadResourceRequestParams>(method::RESOURCES_READ)
            }
            "SubscriptionsListenRequest" => {
                self.request::<SubscriptionsListenRequestParams>(method::SUBSCRIPTIONS_LISTEN);
            }
            "CancelledNotification" => {
                self.notification::<CancelledNotificationParams>(method::NOTIFICATIONS_CANCELLED);
            }
            "LoggingMessageNotification" => {
                self.notification::<LoggingMessageNotificationParams>(
                    method::NOTIFICATIONS_MESSAGE,
                );
            }
            "ProgressNotification" => {
                self.notification::<ProgressNotificationParams>(method::NOTIFICATIONS_PROGRESS);
            }
            "PromptListChangedNotification" => {
                self.notification::<NotificationParams>(method::NOTIFICATIONS_PROMPTS_LIST_CHANGED);
            }
            "ResourceListChangedNotification" => {
                self.notification::<NotificationParams>(
                    method::NOTIFICATIONS_RESOURCES_LIST_CHANGED,
                );
            }
            "ToolListChangedNotification" => {
                self.notification::<NotificationParams>(method::NOTIFICATIONS_TOOLS_LIST_CHANGED);
            }
            "ResourceUpdatedNotification" => self
                .notification::<ResourceUpdatedNotificationParams>(
                    method::NOTIFICATIONS_RESOURCES_UPDATED,
                ),
            "SubscriptionsAcknowledgedNotification" => self
                .notification::<SubscriptionsAcknowledgedNotificationParams>(
                method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED,
            ),
            "CallToolResultResponse" => self.result::<CallToolResult>(),
            "CompleteResultResponse" => self.result::<CompleteResult>(),
            "DiscoverResultResponse" => self.result::<DiscoverResult>(),
            "GetPromptResultResponse" => self.result::<GetPromptResult>(),
            "ListPromptsResultResponse" => self.result::<ListPromptsResult>(),
            "ListResourceTemplatesResultResponse" => self.result::<ListResourceTemplatesResult>(),
            "ListResourcesResultResponse" => self.result::<ListResourcesResult>(),
            "ListToolsResultResponse" => self.result::<ListToolsResult>(),
            "ReadResourceResultResponse" => self.result::<ReadResourceResult>(),
            "SubscriptionsListenResultResponse" => self.result::<SubscriptionsListenResult>(),
            "HeaderMismatchError"
            | "MissingRequiredClientCapabilityError"
            | "UnsupportedProtocolVersionError" => {
                let error = self.value()["error"].take();
                self.round_trip::<ErrorObject>(&error, &error);
                assert!(matches!(self.message(), Message::Response(it) if it.outcome.is_err()));
            }
            _ => panic!("no type for {}", self.path),
        }
    }

    /// The file as such.
    #[track_caller]
    fn same<T: DeserializeOwned + Serialize>(&self) {
        let value = self.value();
        self.round_trip::<T>(&value, &value);
    }

    /// Params of a request. The types leave `_meta` to the engine.
    #[track_caller]
    fn params<T: DeserializeOwned + Serialize>(&self, params: &Value) {
        let text = params["_meta"].to_string();
        let meta: RequestMeta<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(meta.protocol_version.as_deref(), Some("2026-07-28"), "{}", self.path);
        let capabilities = meta.client_capabilities.unwrap();
        serde_json::from_str::<ClientCapabilities>(capabilities).unwrap();

        let mut expected = params.clone();
        expected.as_object_mut().unwrap().remove("_meta");
        self.round_trip::<T>(params, &expected);
    }

    #[track_caller]
    fn request<T: DeserializeOwned + Serialize>(&self, method: &str) {
        let Message::Request(request) = self.message() else { panic!("{}", self.path) };
        assert_eq!(request.method, method, "{}", self.path);
        self.params::<T>(&self.value()["params"]);
    }

    #[track_caller]
    fn notification<T: DeserializeOwned + Serialize>(&self, method: &str) {
        let Message::Notification(notification) = self.message() else { panic!("{}", self.path) };
        assert_eq!(notification.method, method, "{}", self.path);
        let params = self.value()["params"].take();
        self.round_trip::<T>(&params, &params);
    }

    #[track_caller]
    fn result<T: DeserializeOwned + Serialize>(&self) {
        assert!(
            matches!(self.message(), Message::Response(it) if it.outcome.is_ok()),
            "{}",
            self.path
        );
        let result = self.value()["result"].take();
        self.round_trip::<T>(&result, &result);
    }

    #[track_caller]
    fn round_trip<T: DeserializeOwned + Serialize>(&self, value: &Value, expected: &Value) {
        // From text, as engines do: raw JSON is borrowed from it.
        let decoded: T = match serde_json::from_str(&value.to_string()) {
            Ok(decoded) => decoded,
            Err(error) => panic!("{}: {error}", self.path),
        };
        assert_eq!(&serde_json::to_value(&decoded).unwrap(), expected, "{}", self.path);
    }

    fn message(&self) -> Message<'_> {
        Message::decode(self.text.as_bytes(), &DecodeLimits::default()).unwrap()
    }

    fn value(&self) -> Value {
        serde_json::from_str(self.text).unwrap()
    }
}

/// The specification takes a form without a mode for one with the mode `form`; palisade always writes it.
fn with_form_mode(result: &Value) -> Value {
    let mut result = result.clone();
    if let Some(params) = result.pointer_mut("/inputRequests/github_login/params") {
        params.as_object_mut().unwrap().entry("mode").or_insert_with(|| "form".into());
    }
    result
}
