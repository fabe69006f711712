//! The results of most tools, written by hand: texts, perhaps a structured value, and the server's name.

use crate::{CallToolResult, ContentBlock, jsonrpc::text::special, meta::SERVER_INFO};

/// A result in which there is nothing but what [`Self::write`] knows of.
pub(super) struct PlainResult<'a>(&'a CallToolResult);

impl<'a> PlainResult<'a> {
    /// `None` if the result has something else too.
    pub(super) fn of(result: &'a CallToolResult) -> Option<Self> {
        let plain = result.extra.is_empty()
            && result.meta.extra.is_empty()
            && result.content.iter().all(|block| text_of(block).is_some());
        plain.then_some(Self(result))
    }

    /// The length of the JSON, if nothing in it has to be escaped.
    pub(super) fn length(&self) -> usize {
        let Self(result) = self;
        let result_type = result
            .result_type
            .as_ref()
            .map_or(0, |kind| br#""resultType":"","#.len() + kind.as_str().len());
        let texts = result.content.iter().filter_map(text_of);
        let texts: usize =
            texts.map(|text| br#"{"type":"text","text":""},"#.len() + text.len()).sum();
        let structured = result
            .structured_content
            .as_ref()
            .map_or(0, |value| br#","structuredContent":"#.len() + value.get().len());
        let is_error =
            result.is_error.map_or(0, |yes| br#","isError":"#.len() + if yes { 4 } else { 5 });
        let info =
            result.meta.server_info.as_ref().map_or(0, |info| {
                br#","_meta":{"":}"#.len() + SERVER_INFO.len() + info.text().len()
            });
        // Between texts there is one comma less than there are texts.
        let commas = usize::from(!result.content.is_empty());
        br#"{"content":[]}"#.len() + result_type + texts - commas + structured + is_error + info
    }

    /// Appends the JSON, byte for byte as `Serialize` does.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        out.push(b'{');
        if let Some(result_type) = &self.0.result_type {
            out.extend_from_slice(br#""resultType":"#);
            push_string(out, result_type.as_str())?;
            out.push(b',');
        }
        out.extend_from_slice(br#""content":["#);
        let mut between: &[u8] = b"";
        for text in self.0.content.iter().filter_map(text_of) {
            out.extend_from_slice(between);
            out.extend_from_slice(br#"{"type":"text","text":"#);
            push_string(out, text)?;
            out.push(b'}');
            between = b",";
        }
        out.push(b']');
        if let Some(value) = &self.0.structured_content {
            out.extend_from_slice(br#","structuredContent":"#);
            out.extend_from_slice(value.get().as_bytes());
        }
        if let Some(is_error) = self.0.is_error {
            out.extend_from_slice(br#","isError":"#);
            out.extend_from_slice(if is_error { b"true" } else { b"false" });
        }
        if let Some(info) = &self.0.meta.server_info {
            out.extend_from_slice(br#","_meta":{""#);
            out.extend_from_slice(SERVER_INFO.as_bytes());
            out.extend_from_slice(br#"":"#);
            out.extend_from_slice(info.text().as_bytes());
            out.push(b'}');
        }
        out.push(b'}');
        Ok(())
    }
}

/// The text of a block that is nothing else.
fn text_of(block: &ContentBlock) -> Option<&str> {
    match block {
        ContentBlock::Text(content) if content.annotations.is_none() && content.meta.is_none() => {
            Some(&content.text)
        }
        _ => None,
    }
}

fn push_string(out: &mut Vec<u8>, text: &str) -> Result<(), serde_json::Error> {
    if special(text.as_bytes(), 0) < text.len() {
        return serde_json::to_writer(out, text);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::PlainResult;
    use crate::{CallToolResult, ContentBlock, Encoded, Implementation, ResultType, TextContent};

    /// Whether the result is plain; if it is, both ways must write the same.
    #[track_caller]
    fn is_plain(result: &CallToolResult) -> bool {
        let Some(plain) = PlainResult::of(result) else { return false };
        let mut bytes = Vec::with_capacity(plain.length());
        plain.write(&mut bytes).unwrap();
        let long = serde_json::to_string(result).unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), long);
        assert!(long.contains('\\') || bytes.len() == plain.length(), "{long}");
        true
    }

    /// Every combination of what a plain result may have.
    #[test]
    fn both_ways_write_the_same() {
        let texts =
            ["", "5", "é \"quoted\"\\\n\t\u{1}\u{7f}\u{2028}", "a longer text, without escapes"];
        let info = Encoded::new(Implementation::new("a \"server\"", "1.0")).unwrap();
        let mut seen = 0;
        for content in [&texts[..0], &texts[..1], &texts[1..2], &texts[2..], &texts[..]] {
            for result_type in
                [None, Some(ResultType::Complete), Some(ResultType::Other("\"".into()))]
            {
                for structured in [None, Some(json!({ "a": [1, "\n"] })), Some(Value::Null)] {
                    for is_error in [None, Some(true), Some(false)] {
                        for server_info in [None, Some(info.clone())] {
                            let blocks = content.iter().map(|text| ContentBlock::text(*text));
                            let mut result = CallToolResult::new(blocks.collect());
                            result.result_type = result_type.clone();
                            result.structured_content = structured.clone().map(Into::into);
                            result.is_error = is_error;
                            result.meta.server_info = server_info;
                            assert!(is_plain(&result));
                            seen += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(seen, 5 * 3 * 3 * 3 * 2);
    }

    #[test]
    fn whatever_else_a_result_has_is_not_forgotten() {
        let decoded = |json: Value| serde_json::from_value::<CallToolResult>(json).unwrap();
        let text = json!({ "type": "text", "text": "a" });
        assert!(is_plain(&decoded(json!({ "content": [text] }))));
        for other in [
            json!({ "content": [text], "later": 1 }),
            json!({ "content": [text], "_meta": { "a/b": 1 } }),
            json!({ "content": [text, { "type": "text", "text": "a", "_meta": {} }] }),
            json!({ "content": [{ "type": "text", "text": "a", "annotations": {} }, text] }),
            json!({ "content": [{ "type": "image", "data": "", "mimeType": "image/png" }] }),
        ] {
            assert!(!is_plain(&decoded(other.clone())), "{other}");
        }
        let marked = TextContent::new("a").with_meta(Default::default());
        assert!(!is_plain(&CallToolResult::new(vec![marked.into()])));
    }
}
