//! `palisade capabilities`: the capability matrix.

use palisade::security::capability::{MATRIX, Support, TransportKind};
use serde_json::{Map, Value, json};

use crate::{
    args::Args,
    exit::Exit,
    output::{Colour, Output},
};

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let [] = args.words("capabilities", output)?;
    let mut rows = Vec::new();
    for row in MATRIX {
        let title = output.paint(Colour::Bold, row.capability.name());
        output.line(&title);
        let mut cells = Map::new();
        for (transport, support) in TransportKind::ALL.into_iter().zip(row.support) {
            let colour = if support.is_supported() { Colour::Green } else { Colour::Yellow };
            let cell = output.paint(colour, &support.to_string());
            output.line(&format!("  {:<16} {cell}", transport.name()));
            let note = match support {
                Support::As(note) | Support::No(note) => Value::from(note),
                _ => Value::Null,
            };
            let cell = json!({ "supported": support.is_supported(), "note": note });
            cells.insert(transport.name().to_owned(), cell);
        }
        rows.push(json!({ "capability": row.capability.name(), "transports": cells }));
    }
    output.value(json!({ "capabilities": rows }));
    Ok(Exit::Good)
}
