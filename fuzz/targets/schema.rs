//! Fuzzes what `palisade_fuzz::schema` checks, with another implementation as the judge.
#![no_main]

use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_fuzz::schema::check_against(data, judge));

/// What it refuses to compile is no verdict: it knows the meta-schemas, and other patterns. Two things it reads
/// otherwise: that `1.0` is no integer in draft-04, which leaves that open, and that `contains` evaluates items in
/// 2019-09, which names the keywords that do.
fn judge(schema: &Value, value: &Value) -> Option<bool> {
    let text = schema.to_string();
    let has = |words: [&str; 2]| words.iter().all(|word| text.contains(word));
    if has(["draft-04", "\"integer\""])
        || has(["2019-09", "\"contains\""]) && text.contains("\"unevaluatedItems\"")
    {
        return None;
    }
    let judge = jsonschema::options().should_validate_formats(false).build(schema).ok()?;
    Some(judge.is_valid(value))
}
