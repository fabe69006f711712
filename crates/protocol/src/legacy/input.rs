//! The questions of a server as requests of an older revision, and the answers of a client to them.

use serde_json::{Map, Value, value::RawValue};

use super::shape::result_of;
use crate::{
    CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams, ElicitRequestParams,
    ElicitRequestUrlParams, ElicitSchema, EnumSchema, InputRequest, LegacyTitledEnumSchema,
    PrimitiveSchemaDefinition, ProtocolVersion, RawJson, SamplingContent, SamplingMessage,
    SamplingMessageContentBlock, method,
};

/// A question as a request of this revision: its method and its params. `None` if the revision has no such
/// question: forms before 2025-06-18, fields with several answers and URLs before 2025-11-25, and sampling
/// with tools before 2025-11-25.
///
/// `elicitation_id` names a question at a URL, in 2025-11-25; unique, and not to be guessed by others than
/// the client, which learns by it when its user is done.
#[must_use]
pub fn request_for(
    version: ProtocolVersion,
    request: &InputRequest,
    elicitation_id: &str,
) -> Option<(&'static str, RawJson)> {
    let params = match request {
        InputRequest::Elicit(ElicitRequestParams::Form(form)) => form_for(version, form),
        InputRequest::Elicit(ElicitRequestParams::Url(url)) => {
            url_for(version, url, elicitation_id)
        }
        InputRequest::CreateMessage(params) => sampling_for(version, params),
        InputRequest::ListRoots => Some(RawJson::from(Value::Object(Map::new()))),
    }?;
    Some((request.method(), params))
}

/// A client's answer as a server of this revision may see it, as JSON text.
///
/// Before 2025-11-25 a model's answer is one block: of several, those that are text are joined.
#[must_use]
pub fn answer_for(version: ProtocolVersion, method: &str, answer: &RawValue) -> Vec<u8> {
    if method == method::SAMPLING_CREATE_MESSAGE
        && version < ProtocolVersion::V2025_11_25
        && let Ok(mut result) = serde_json::from_str::<CreateMessageResult>(answer.get())
    {
        result.meta = None;
        let block = joined(version, result.content.into_blocks());
        result.content = SamplingContent::Single(block);
        if let Ok(text) = serde_json::to_vec(&result) {
            return text;
        }
    }
    let mut out = Vec::with_capacity(answer.get().len());
    result_of(method).write(version, answer, &mut out);
    out
}

fn form_for(version: ProtocolVersion, form: &ElicitRequestFormParams) -> Option<RawJson> {
    if version >= ProtocolVersion::V2025_11_25 {
        return RawJson::from_serialize(form).ok();
    }
    if version < ProtocolVersion::V2025_06_18 {
        return None;
    }
    let asked = &form.requested_schema;
    let mut schema = ElicitSchema::new().with_required(asked.required.clone());
    for (name, property) in asked.properties.iter() {
        schema = schema.with_property(name, property_of_2025_06_18(property)?);
    }

    /// The params before there were modes.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        message: &'a str,
        requested_schema: ElicitSchema,
    }

    RawJson::from_serialize(&Params { message: &form.message, requested_schema: schema }).ok()
}

/// A field as 2025-06-18 has it: only booleans have defaults, titles of values are `enumNames`, and there
/// is one answer to each.
fn property_of_2025_06_18(
    property: &PrimitiveSchemaDefinition,
) -> Option<PrimitiveSchemaDefinition> {
    let mut property = property.clone();
    match &mut property {
        PrimitiveSchemaDefinition::String(schema) => schema.default = None,
        PrimitiveSchemaDefinition::Number(schema) => schema.default = None,
        PrimitiveSchemaDefinition::Boolean(_) => {}
        PrimitiveSchemaDefinition::Enum(schema) => match schema {
            EnumSchema::UntitledSingleSelect(schema) => schema.default = None,
            EnumSchema::LegacyTitled(schema) => schema.default = None,
            EnumSchema::TitledSingleSelect(titled) => {
                let (values, names) = titled
                    .options
                    .iter()
                    .map(|option| (option.value.clone(), option.title.clone()))
                    .unzip();
                let (title, description) = (titled.title.take(), titled.description.take());
                let default = None;
                *schema =
                    LegacyTitledEnumSchema { title, description, values, names, default }.into();
            }
            EnumSchema::UntitledMultiSelect(_) | EnumSchema::TitledMultiSelect(_) => return None,
        },
    }
    Some(property)
}

fn url_for(
    version: ProtocolVersion,
    url: &ElicitRequestUrlParams,
    elicitation_id: &str,
) -> Option<RawJson> {
    /// The id is gone from the newest revision.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(flatten)]
        url: &'a ElicitRequestUrlParams,
        elicitation_id: &'a str,
    }

    (version >= ProtocolVersion::V2025_11_25)
        .then(|| RawJson::from_serialize(&Params { url, elicitation_id }).ok())
        .flatten()
}

fn sampling_for(version: ProtocolVersion, params: &CreateMessageRequestParams) -> Option<RawJson> {
    if version >= ProtocolVersion::V2025_11_25 {
        return RawJson::from_serialize(params).ok();
    }
    if params.tools.is_some() || params.tool_choice.is_some() {
        return None;
    }
    let mut params = params.clone();
    let mut messages = Vec::with_capacity(params.messages.len());
    for message in params.messages {
        for block in message.content.into_blocks() {
            messages.push(SamplingMessage::new(message.role, block_for(version, block)?));
        }
    }
    params.messages = messages;
    RawJson::from_serialize(&params).ok()
}

/// A block of a conversation before 2025-11-25; `None` if it is about tools.
fn block_for(
    version: ProtocolVersion,
    mut block: SamplingMessageContentBlock,
) -> Option<SamplingMessageContentBlock> {
    if let SamplingMessageContentBlock::Audio(audio) = &block
        && version < ProtocolVersion::V2025_03_26
    {
        block = SamplingMessageContentBlock::text(format!("[audio: {}]", audio.mime_type));
    }
    let (meta, annotations) = match &mut block {
        SamplingMessageContentBlock::Text(text) => (&mut text.meta, &mut text.annotations),
        SamplingMessageContentBlock::Image(image) => (&mut image.meta, &mut image.annotations),
        SamplingMessageContentBlock::Audio(audio) => (&mut audio.meta, &mut audio.annotations),
        _ => return None,
    };
    if version < ProtocolVersion::V2025_06_18 {
        *meta = None;
        if let Some(annotations) = annotations {
            annotations.last_modified = None;
        }
    }
    Some(block)
}

/// One block in the place of several.
fn joined(
    version: ProtocolVersion,
    blocks: Vec<SamplingMessageContentBlock>,
) -> SamplingMessageContentBlock {
    let known: Vec<_> = blocks.into_iter().filter_map(|it| block_for(version, it)).collect();
    match <[_; 1]>::try_from(known) {
        Ok([block]) => block,
        Err(several) => {
            let texts: Vec<_> = several.iter().filter_map(|block| block.as_text()).collect();
            SamplingMessageContentBlock::text(texts.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests;
