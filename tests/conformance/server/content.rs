//! Tools whose results hold each kind of content.

use palisade::{
    protocol::{ContentBlock, TextResourceContents},
    server::ServerBuilder,
};

use crate::tool;

/// One grey pixel.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\
    \0\0\0\nIDATx\xdach\0\0\0\x82\0\x81\xdaE\x08;\
    \0\0\0\0IEND\xaeB`\x82";

/// One sample of silence.
const WAV: &[u8] = b"RIFF\x26\0\0\0WAVE\
    fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\
    data\x01\0\0\0\x80\0";

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_tool(tool(
            "test_simple_text",
            "Answers with text.",
            async |_| "This is a simple text response for testing.",
        ))
        .with_tool(tool("test_image_content", "Answers with an image.", async |_| image()))
        .with_tool(tool("test_audio_content", "Answers with sound.", async |_| {
            ContentBlock::audio(WAV, "audio/wav")
        }))
        .with_tool(tool("test_embedded_resource", "Answers with a resource.", async |_| {
            embedded(
                "test://embedded-resource",
                "text/plain",
                "This is an embedded resource content.",
            )
        }))
        .with_tool(tool(
            "test_multiple_content_types",
            "Answers with text, an image and a resource.",
            async |_| {
                vec![
                    ContentBlock::text("Multiple content types test:"),
                    image(),
                    embedded(
                        "test://mixed-content-resource",
                        "application/json",
                        r#"{"test":"data","value":123}"#,
                    ),
                ]
            },
        ))
        .with_tool(tool("test_error_handling", "Always fails.", async |_| {
            Err::<(), _>("This tool intentionally returns an error for testing")
        }))
}

pub(crate) fn image() -> ContentBlock {
    ContentBlock::image(PNG, "image/png")
}

pub(crate) fn embedded(uri: &str, mime_type: &str, text: &str) -> ContentBlock {
    ContentBlock::resource(TextResourceContents::new(uri, text).with_mime_type(mime_type))
}
