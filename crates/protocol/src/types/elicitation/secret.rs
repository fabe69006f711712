//! Guesses whether a field of a form asks for a secret (attack E3).

use super::PrimitiveSchemaDefinition;

/// Words that name a secret wherever they stand.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "credential",
    "token",
    "jwt",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "otp",
    "totp",
    "mnemonic",
    "apikey",
];

/// Words that name a secret when they stand next to each other.
const PHRASES: &[&[&str]] = &[
    &["api", "key"],
    &["access", "key"],
    &["private", "key"],
    &["signing", "key"],
    &["encryption", "key"],
    &["ssh", "key"],
    &["license", "key"],
    &["pass", "word"],
    &["pass", "phrase"],
    &["pass", "code"],
    &["seed", "phrase"],
    &["recovery", "phrase"],
    &["recovery", "code"],
    &["backup", "code"],
    &["security", "code"],
    &["verification", "code"],
    &["auth", "code"],
    &["authentication", "code"],
    &["card", "number"],
    &["cardnumber"],
    &["credit", "card"],
    &["debit", "card"],
    &["pin", "code"],
    &["card", "pin"],
    &["bank", "pin"],
    &["account", "pin"],
    &["your", "pin"],
];

/// Last words that make the whole name one of something about a secret, not of the secret.
const ABOUT: &[&str] = &[
    "address",
    "age",
    "algorithm",
    "budget",
    "count",
    "description",
    "expiry",
    "expiration",
    "hint",
    "id",
    "kind",
    "label",
    "length",
    "limit",
    "name",
    "policy",
    "scope",
    "strength",
    "symbol",
    "ttl",
    "type",
    "url",
];

/// Whether the field can hold a secret and its name, title or format says that it does.
pub(super) fn asks_for_secret(name: &str, property: &PrimitiveSchemaDefinition) -> bool {
    let secret_format = match property {
        PrimitiveSchemaDefinition::String(schema) => {
            schema.format.as_ref().is_some_and(|format| names_secret(format.as_str()))
        }
        PrimitiveSchemaDefinition::Number(_) => false,
        // A secret cannot be entered by choosing among answers that the server already knows.
        PrimitiveSchemaDefinition::Boolean(_) | PrimitiveSchemaDefinition::Enum(_) => return false,
    };
    secret_format || names_secret(name) || property.title().is_some_and(names_secret)
}

/// Whether a name or a title names a secret.
fn names_secret(text: &str) -> bool {
    let words = words(text);
    if words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    let is = |word: &str, entry: &str| word == entry || is_plural(word, entry);
    words == ["pin"]
        || words.iter().any(|word| WORDS.iter().any(|entry| is(word, entry)))
        || PHRASES.iter().any(|phrase| {
            words
                .windows(phrase.len())
                .any(|window| window.iter().zip(*phrase).all(|(word, entry)| is(word, entry)))
        })
}

/// `passwords` is as much a secret as `password`; `tokens` counts them more often than it asks for them.
fn is_plural(word: &str, entry: &str) -> bool {
    entry != "token" && word.strip_suffix('s') == Some(entry)
}

/// The words of a name in any case style, in lower case.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    let mut previous: Option<char> = None;
    while let Some(character) = characters.next() {
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let starts_word = character.is_uppercase()
            && previous.is_some_and(|previous| {
                previous.is_lowercase()
                    || previous.is_numeric()
                    || (previous.is_uppercase() && next_is_lower)
            });
        if starts_word || !character.is_alphanumeric() {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
        previous = Some(character);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BooleanSchema, ElicitRequestFormParams, ElicitSchema, EnumSchema, NumberSchema,
        StringFormat, StringSchema,
    };

    #[track_caller]
    fn check(text: &str, secret: bool) {
        assert_eq!(names_secret(text), secret, "{text}: {:?}", words(text));
    }

    #[test]
    fn names_and_titles_of_secrets() {
        for text in [
            "password",
            "Password",
            "userPassword",
            "user_password",
            "PASSWORD",
            "new-password",
            "Your password:",
            "passwd",
            "pwd",
            "passphrase",
            "Pass phrase",
            "passwords",
            "apiKey",
            "APIKey",
            "api_key",
            "API key (starts with sk-)",
            "x-api-key",
            "apikey",
            "OpenAI API Keys",
            "access token",
            "accessToken",
            "token",
            "github_token",
            "GitHub token",
            "Bearer Token",
            "JWT",
            "secret",
            "client_secret",
            "clientSecret",
            "AWS secret access key",
            "private key",
            "SSH key",
            "credentials",
            "card number",
            "cardNumber",
            "Credit card",
            "credit_card_number",
            "cvv",
            "CVV2",
            "CVC",
            "Security code",
            "pin",
            "PIN",
            "PIN code",
            "card_pin",
            "Your PIN",
            "otp",
            "one-time OTP",
            "verification code",
            "Recovery codes",
            "seed phrase",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn names_and_titles_of_other_things() {
        for text in [
            "",
            "name",
            "email",
            "username",
            "GitHub username",
            "user",
            "age",
            "phone number",
            "account number",
            "key",
            "keyboard",
            "monkey",
            "primary key",
            "max_tokens",
            "tokens",
            "tokenizer",
            "token_count",
            "Token limit",
            "token symbol",
            "password_policy",
            "passwordLength",
            "secret name",
            "api_key_id",
            "apiKeyName",
            "secretary",
            "passport",
            "compass",
            "pinned",
            "spin",
            "Pin color",
            "pins",
            "gpio_pin",
            "postcode",
            "zip code",
            "country code",
            "code",
            "cards",
            "business card",
            "cardinality",
            "author",
            "opt in",
        ] {
            check(text, false);
        }
    }

    #[track_caller]
    fn check_form(property: impl Into<PrimitiveSchemaDefinition>, name: &str, secret: bool) {
        let schema = ElicitSchema::new()
            .with_string("email", StringSchema::new())
            .with_property(name, property);
        let form = ElicitRequestFormParams::new("m", schema);
        assert_eq!(form.requests_secret(), secret.then_some(name));
    }

    #[test]
    fn e3_form_asks_for_a_password() {
        check_form(StringSchema::new(), "password", true);
        check_form(StringSchema::new().with_title("API key"), "value", true);
        check_form(StringSchema::new().with_format(StringFormat::from("password")), "value", true);
        check_form(StringSchema::new().with_format(StringFormat::Email), "value", false);
        check_form(NumberSchema::integer(), "pin", true);
        check_form(NumberSchema::new().with_title("CVV"), "value", true);
        check_form(StringSchema::new(), "nickname", false);
    }

    #[test]
    fn a_choice_cannot_hold_a_secret() {
        check_form(BooleanSchema::new(), "save_password", false);
        check_form(EnumSchema::one_of(["rotate", "revoke"]), "token", false);
    }
}
