//! Paths that mean something else by the time they are opened.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::symlink, path::PathBuf, sync::Arc};

use palisade::{
    Context, HandlerError, ResourceTemplateRoute, TemplateVariables, ToolRoute,
    files::Root,
    protocol::ResourceTemplate,
    security::{ArgumentRule, Rule, RulePolicy, UriRule},
};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{ALICE, Refusal, Target};

/// `data` beside `data-secret`, each with a directory `d` that has a file `f`.
struct Stage(PathBuf);

impl Stage {
    fn new(name: &str) -> Self {
        let name = format!("palisade-{name}-{}", std::process::id());
        let stage = Self(fs::canonicalize(std::env::temp_dir()).unwrap().join(name));
        for (directory, text) in [("data", "public"), ("data-secret", "canary")] {
            fs::create_dir_all(stage.0.join(directory).join("d")).unwrap();
            fs::write(stage.0.join(directory).join("d/f"), text).unwrap();
        }
        stage
    }

    fn text(&self, below: &str) -> String {
        self.0.join(below).to_str().unwrap().to_owned()
    }

    /// Puts a link to the secret in the place of the directory.
    fn swap(&self) {
        fs::rename(self.0.join("data/d"), self.0.join("data/was")).unwrap();
        symlink(self.0.join("data-secret/d"), self.0.join("data/d")).unwrap();
    }

    fn swap_back(&self) {
        fs::remove_file(self.0.join("data/d")).unwrap();
        fs::rename(self.0.join("data/was"), self.0.join("data/d")).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[derive(Deserialize, JsonSchema)]
struct Read {
    path: String,
}

/// A moment between the decision of the policy and the opening of the file.
#[derive(Debug, Default)]
struct Moment {
    decided: Notify,
    go_on: Notify,
}

#[tokio::test]
async fn z3_link_put_there_between_check_and_use() {
    let stage = Stage::new("z3");
    let root = Arc::new(Root::new(stage.text("data")).unwrap());
    let moment = Arc::new(Moment::default());
    let below = UriRule::scheme("file").unwrap().with_below(&stage.text("data")).unwrap();
    let policy = RulePolicy::new().allow_tool("add").with_rule(
        Rule::allow()
            .with_tools(["file_read"])
            .with_arguments([ArgumentRule::below("/path", &stage.text("data")).unwrap()])
            .with_uris([below]),
    );
    let target = Target::start_with(
        |rules| rules.with_policy(policy),
        |server, _| {
            let (for_tool, for_resource) = (Arc::clone(&root), Arc::clone(&root));
            let tool_moment = Arc::clone(&moment);
            let read = move |args: Read, _: Context| {
                let (root, moment) = (Arc::clone(&for_tool), Arc::clone(&tool_moment));
                async move {
                    moment.decided.notify_one();
                    moment.go_on.notified().await;
                    let bytes = root.read(&args.path, 1024)?;
                    Ok::<_, HandlerError>(String::from_utf8_lossy(&bytes).into_owned())
                }
            };
            let template = ResourceTemplate::new("file:///{+path}", "file");
            let resource = move |variables: TemplateVariables, _: Context| {
                let uri = format!("file:///{}", variables.get("path"));
                let text = for_resource.open_uri(&uri).map(std::io::read_to_string);
                std::future::ready(text.map(Result::unwrap_or_default).map_err(HandlerError::from))
            };
            server
                .with_tool(ToolRoute::typed("file_read", read))
                .with_resource(ResourceTemplateRoute::new(template, resource))
        },
    )
    .await;
    let path = stage.text("data/d/f");
    let call = RawRequest::tools_call("file_read", json!({ "path": path })).with_token(ALICE);
    let read = RawRequest::mcp("resources/read", json!({ "uri": format!("file://{path}") }));
    let read = read.with_token(ALICE);

    moment.go_on.notify_one();
    let response = target.send(&call).await;
    assert!(response.text().contains("public"), "{}", response.text());
    within(PATIENCE, moment.decided.notified()).await;
    assert_eq!(target.send(&read).await.status(), 200);
    target.audit.forget();

    // The policy has said yes; then the directory becomes another one.
    let (response, ()) = tokio::join!(target.send(&call), async {
        within(PATIENCE, moment.decided.notified()).await;
        stage.swap();
        moment.go_on.notify_one();
    });
    let refusal = Refusal::with_reason(403, -31403, "path_not_authorized");
    target.check_refused(&response, &refusal).await;
    assert!(!response.text().contains("canary"), "{}", response.text());
    // A link that was there all along.
    target.refuses(&read, &refusal).await;
    stage.swap_back();
    assert_eq!(target.send(&read).await.status(), 200);
}
