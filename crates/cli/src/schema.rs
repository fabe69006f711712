//! `palisade schema`: the JSON Schema of configuration files. `cargo xtask schema` writes it down.

use palisade::config::{client_schema, launch_schema, server_schema};

use crate::{
    args::Args,
    exit::Exit,
    output::{Output, printable},
};

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Exit, Exit> {
    let [role] = args.words("schema server|client|launch", output)?;
    let schema = match role.as_str() {
        "server" => server_schema(),
        "client" => client_schema(),
        "launch" => launch_schema(),
        other => {
            output
                .problem(&format!("there is no `{}`: server, client or launch", printable(other)));
            return Err(Exit::Usage);
        }
    };
    output.line(&format!("{schema:#}"));
    output.value(schema.clone());
    Ok(Exit::Good)
}
