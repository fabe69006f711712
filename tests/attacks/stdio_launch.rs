//! Programs that must not be launched, and servers that do not want to end.

use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::fs::{PermissionsExt, lchown, symlink},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use palisade::{
    Client,
    client::{CallError, ClientError},
    security::digest,
    stdio::{LaunchError, ProcessLimits, Restart, ServerCommand, StdioTransport},
    transport::TransportError,
};
use palisade_testkit::{CapturedLogs, guard::PATIENCE, within};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use serde_json::{Value, json};

const SERVER: &str = env!("CARGO_BIN_EXE_stdio-server");

/// A folder of its own for each test, where nobody else may write.
fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("launch-{}-{count}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    set_mode(&folder, 0o755);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A program that a shell runs.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    set_mode(&path, 0o755);
    path
}

async fn connect(command: ServerCommand) -> Client {
    let transport = StdioTransport::launch(command).unwrap();
    within(PATIENCE, Client::connect(transport)).await.unwrap()
}

/// What a server says that it was launched with.
async fn launched(command: ServerCommand) -> Value {
    let client = connect(command).await;
    let launched = client.call("launched", &json!({})).await.unwrap();
    client.close().await;
    launched
}

fn refused(command: &ServerCommand) -> &'static str {
    let refused = StdioTransport::launch(command.clone()).unwrap_err();
    assert_eq!(
        StdioTransport::check(command).unwrap_err().code(),
        refused.code(),
        "checked without a launch too"
    );
    refused.code()
}

#[tokio::test]
async fn p1_arguments_are_arguments_and_never_a_shells() {
    let folder = folder();
    let args = [
        "$(touch pwned)".to_owned(),
        "`touch pwned`".to_owned(),
        format!("; touch {}/pwned; #", folder.display()),
        "a b\t\"c\" 'd' * ? ~ $HOME | & > x".to_owned(),
        "%PATH% ^& \u{e9}\n".to_owned(),
        String::new(),
    ];
    let command =
        args.iter().fold(ServerCommand::new(SERVER), |command, arg| command.with_arg(arg));
    let launched = launched(command.with_current_dir(&folder)).await;
    assert_eq!(launched["args"], json!(args));
    assert!(!folder.join("pwned").exists());
    for name in ["server.bat", "server.CMD"] {
        let batch = script(&folder, name, "exit");
        assert_eq!(refused(&ServerCommand::new(&batch)), "program_is_batch_file");
        let link = folder.join(name.replace('.', "-"));
        symlink(&batch, &link).unwrap();
        assert_eq!(refused(&ServerCommand::new(link)), "program_is_batch_file", "by a link");
    }
    assert_eq!(refused(&ServerCommand::new(SERVER).with_arg("a\0b")), "argument_nul");
}

#[tokio::test]
async fn p2_a_value_that_begins_with_a_dash_is_refused() {
    for value in ["-x", "--config=/etc/shadow", "-"] {
        let command = ServerCommand::new(SERVER).with_flag("--name").with_arg(value);
        assert_eq!(refused(&command), "argument_leading_dash", "{value}");
    }
    let command = ServerCommand::new(SERVER).with_flag("--name").with_arg("x").with_flag("-v");
    assert_eq!(launched(command).await["args"], json!(["--name", "x", "-v"]));
}

#[tokio::test]
async fn p3_the_environment_is_what_is_named() {
    assert!(std::env::var_os("PATH").is_some(), "there is something to leak");
    let nothing = launched(ServerCommand::new(SERVER)).await;
    assert_eq!(nothing["env"], json!({}));
    let command =
        ServerCommand::new(SERVER).with_env("TOKEN", "s3cr3t-canary").with_inherited_env("PATH");
    let shown = format!("{command:?}");
    assert!(shown.contains("TOKEN") && !shown.contains("s3cr3t"), "{shown}");
    let path = std::env::var("PATH").unwrap();
    assert_eq!(launched(command).await["env"], json!({ "TOKEN": "s3cr3t-canary", "PATH": path }));
    let missing = ServerCommand::new(SERVER).with_inherited_env("PALISADE_TEST_NOT_SET");
    assert_eq!(refused(&missing), "missing_variable");
    for name in ["", "A=s3cr3t-canary", "A\0s3cr3t-canary"] {
        let command = ServerCommand::new(SERVER).with_env(name, "x");
        assert_eq!(refused(&command), "invalid_variable");
        let error = StdioTransport::check(&command).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cr3t"), "an assignment where its name belongs: {shown}");
    }
}

#[tokio::test]
async fn p4_only_what_nobody_else_can_change_is_launched() {
    let folder = folder();
    // Neither the working directory nor PATH says what a name means.
    assert_eq!(refused(&ServerCommand::new("./stdio-server")), "program_path_relative");
    assert_eq!(refused(&ServerCommand::new("a/../sh")), "program_path_relative");
    let program = script(&folder, "palisade-test-server", &format!("exec {SERVER} \"$@\""));
    let by_name = ServerCommand::new("palisade-test-server");
    assert_eq!(refused(&by_name), "program_not_found");
    assert_eq!(refused(&by_name.clone().with_search_dirs(["bin"])), "search_dir_relative");
    let by_name = by_name.with_search_dirs([Path::new("/usr/bin"), &folder]);
    let found = launched(by_name.clone()).await;
    assert_eq!(found["current_dir"], "/", "fixed, wherever this process is");

    let place = launched(by_name.clone().with_current_dir(folder.join("."))).await;
    assert_eq!(place["current_dir"], folder.canonicalize().unwrap().display().to_string());
    for dir in ["relative", "/nowhere/at/all", SERVER] {
        assert_eq!(refused(&by_name.clone().with_current_dir(dir)), "invalid_current_dir", "{dir}");
    }
    let everybodys = folder.join("everybodys");
    fs::create_dir(&everybodys).unwrap();
    set_mode(&everybodys, 0o1777);
    let there = by_name.clone().with_current_dir(&everybodys);
    assert_eq!(refused(&there), "program_writable_by_others");

    for mode in [0o757, 0o775, 0o777] {
        set_mode(&program, mode);
        assert_eq!(refused(&by_name), "program_writable_by_others", "{mode:o}");
    }
    set_mode(&program, 0o644);
    assert_eq!(refused(&by_name), "program_not_executable");
    set_mode(&program, 0o755);
    set_mode(&everybodys, 0o777);
    let inside = script(&everybodys, "inside", "exit");
    assert_eq!(refused(&ServerCommand::new(&inside)), "program_writable_by_others");
    let link = folder.join("link");
    symlink(&inside, &link).unwrap();
    assert_eq!(refused(&ServerCommand::new(&link)), "program_writable_by_others", "by a link");
    let outside = everybodys.join("outside");
    symlink(&program, &outside).unwrap();
    assert_eq!(
        refused(&ServerCommand::new(&outside)),
        "program_writable_by_others",
        "a link there"
    );
    let through = folder.join("through");
    symlink(&outside, &through).unwrap();
    assert_eq!(
        refused(&ServerCommand::new(&through)),
        "program_writable_by_others",
        "a link to a link there"
    );
    for (target, link) in [("loop", "loop"), ("nowhere", "broken")] {
        symlink(target, folder.join(link)).unwrap();
        assert_eq!(refused(&ServerCommand::new(folder.join(link))), "program_not_found", "{link}");
    }
    assert_eq!(refused(&ServerCommand::new(program.join("x"))), "program_not_found");
    let below = everybodys.join("below");
    fs::create_dir(&below).unwrap();
    set_mode(&below, 0o755);
    let there = by_name.clone().with_current_dir(&below);
    assert_eq!(refused(&there), "program_writable_by_others", "the directory above is");
    assert_eq!(refused(&ServerCommand::new(&folder)), "program_not_executable");
    symlink("..", folder.join("up")).unwrap();
    let around = folder.join("up").join(folder.file_name().unwrap()).join("./palisade-test-server");
    assert_eq!(launched(ServerCommand::new(around)).await["args"], json!([]), "by any way");

    let pinned = by_name.clone().with_digest(digest::digest(&fs::read(&program).unwrap()));
    assert_eq!(launched(pinned.clone()).await["args"], json!([]));
    fs::write(&program, "#!/bin/sh\nexit").unwrap();
    assert_eq!(refused(&pinned), "program_digest_differs");
}

#[tokio::test]
async fn p4_what_another_user_put_there_is_not_followed() {
    let folder = folder();
    let place = folder.join("place");
    fs::create_dir(&place).unwrap();
    let there = ServerCommand::new(SERVER).with_current_dir(&place);
    assert_eq!(launched(there.clone()).await["args"], json!([]));
    // In a sticky directory everybody can put something where the program is looked for.
    set_mode(&folder, 0o1777);
    let (link, dir) = (folder.join("server"), folder.join("dir"));
    symlink(SERVER, &link).unwrap();
    symlink(Path::new(SERVER).parent().unwrap(), &dir).unwrap();
    let commands = [link.clone(), dir.join("stdio-server")].map(ServerCommand::new);
    for command in &commands {
        assert_eq!(launched(command.clone()).await["args"], json!([]));
    }
    for path in [&link, &dir, &place] {
        if lchown(path, Some(12345), None).is_err() {
            println!("SKIPPED: only root can give files away");
            return;
        }
    }
    for command in commands.iter().chain([&there]) {
        assert_eq!(refused(command), "program_foreign_owner", "{command:?}");
    }
}

#[tokio::test]
async fn p4_limits_bind_the_process() {
    let limits = ProcessLimits::new().with_max_open_files(77);
    let limited = launched(ServerCommand::new(SERVER).with_limits(limits)).await;
    assert_eq!(limited["open_files"], "77");
}

/// A server with a child in its group, one that left it, and one that left it below a shell, all deaf to
/// `SIGTERM`; their ids are in a file before the server answers.
fn stubborn(folder: &Path) -> ServerCommand {
    let text = format!(
        "trap '' TERM\n\
         sleep 1000 & echo $! > pids\n\
         setsid sleep 1000 & echo $! >> pids\n\
         sh -c 'setsid sleep 1000 & echo $! >> pids; wait' & echo $! >> pids\n\
         echo $$ >> pids\n\
         while [ $(wc -l < pids) -lt 5 ]; do :; done\n\
         {SERVER}\n\
         sleep 1000"
    );
    ServerCommand::new(script(folder, "stubborn", &text)).with_current_dir(folder)
}

/// Processes that can be waited for although they are nobody's children here.
struct Processes(Vec<OwnedFd>);

impl Processes {
    /// Those that the file names.
    fn of(folder: &Path, count: usize) -> Self {
        let text = fs::read_to_string(folder.join("pids")).unwrap();
        let pids = text.lines().map(|line| Pid::from_raw(line.parse().unwrap()).unwrap());
        let all: Vec<_> = pids.map(|pid| pidfd_open(pid, PidfdFlags::empty()).unwrap()).collect();
        assert_eq!(all.len(), count);
        Self(all)
    }

    /// Waits until all have ended.
    async fn gone(self) {
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let wait = move || {
            for process in &self.0 {
                let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&patience));
                assert_eq!(ended, Ok(1), "a process goes on");
            }
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }
}

#[tokio::test]
async fn p5_nothing_of_a_closed_server_is_left_after_5_seconds() {
    let folder = folder();
    let client = connect(stubborn(&folder)).await;
    let processes = Processes::of(&folder, 5);
    let start = Instant::now();
    client.close().await;
    processes.gone().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let late = client.call::<i64>("add", &json!({ "a": 1, "b": 2 })).await.unwrap_err();
    assert!(is_transport(&late, |error| matches!(error, TransportError::Closed)), "{late:?}");
}

#[tokio::test]
async fn p5_nothing_of_a_dropped_server_is_left_after_5_seconds() {
    let folder = folder();
    let client = connect(stubborn(&folder)).await;
    let processes = Processes::of(&folder, 5);
    let start = Instant::now();
    drop(client);
    processes.gone().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn p5_a_runtime_that_ends_takes_its_servers_along() {
    let folder = folder();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Those that left the group outlive a runtime that ends at once: there is nobody to look for them.
    let text = format!("sleep 1000 & echo $! > pids\necho $$ >> pids\n{SERVER}");
    let command = ServerCommand::new(script(&folder, "server", &text)).with_current_dir(&folder);
    let first = runtime();
    let client = first.block_on(connect(command));
    let processes = Processes::of(&folder, 2);
    drop(first);
    runtime().block_on(processes.gone());
    drop(client);
}

#[tokio::test]
async fn p5_a_server_that_ends_by_itself_is_given_the_time() {
    let folder = folder();
    let text = format!("{SERVER}\necho orderly > ended");
    let command = ServerCommand::new(script(&folder, "server", &text)).with_current_dir(&folder);
    let client = connect(command).await;
    client.close().await;
    assert_eq!(fs::read_to_string(folder.join("ended")).unwrap(), "orderly\n");
}

#[tokio::test]
async fn p6_a_flood_of_complaints_blocks_nobody_and_is_not_kept() {
    let folder = folder();
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let text = format!(
        "printf 'first \\033[31m complaint\\n' >&2\n\
         yes 'complaint' | head -c 30000000 >&2\n\
         head -c 30000000 /dev/zero >&2\n\
         exec {SERVER}"
    );
    let client = connect(ServerCommand::new(script(&folder, "loud", &text))).await;
    let sum: i64 = client.call("add", &json!({ "a": 1, "b": 2 })).await.unwrap();
    assert_eq!(sum, 3);
    client.close().await;
    let text = logs.text();
    assert!(text.contains("first") && !text.contains('\u{1b}'), "{}", &text[..500]);
    assert!(text.len() < 8 << 20, "{} bytes of logs for 60 MB", text.len());
}

fn is_transport(error: &CallError, what: impl Fn(&TransportError) -> bool) -> bool {
    matches!(error, CallError::Client(ClientError::Transport(error)) if what(error))
}

#[tokio::test]
async fn p5_a_server_that_ends_fails_what_was_under_way_and_comes_back() {
    let restart = Restart::new().with_first_delay(Duration::from_millis(10)).with_attempts(2);
    let transport = StdioTransport::builder().with_restart(restart);
    let transport = transport.launch(ServerCommand::new(SERVER)).unwrap();
    let client = Client::connect(transport).await.unwrap();
    let mut before = 0;
    for _ in 0..2 {
        let launched: Value = client.call("launched", &json!({})).await.unwrap();
        let pid = launched["pid"].as_u64().unwrap();
        assert_ne!(pid, before, "another process");
        before = pid;
        let (waiting, ended) = within(PATIENCE, async {
            let (nothing, other) = (json!({}), json!({}));
            tokio::join!(
                client.call::<String>("wait", &nothing),
                client.call::<String>("exit", &other)
            )
        })
        .await;
        for error in [waiting.unwrap_err(), ended.unwrap_err()] {
            assert!(
                is_transport(&error, |it| matches!(it, TransportError::Interrupted)),
                "{error:?}"
            );
        }
    }
    let launched: Value = client.call("launched", &json!({})).await.unwrap();
    assert_ne!(launched["pid"].as_u64(), Some(before));
    client.call::<String>("exit", &json!({})).await.unwrap_err();
    let late = within(PATIENCE, client.call::<i64>("add", &json!({ "a": 1, "b": 2 }))).await;
    let late = late.unwrap_err();
    assert!(is_transport(&late, |it| matches!(it, TransportError::ProcessEnded)), "{late:?}");
}

#[test]
fn no_runtime_no_server() {
    let refused = StdioTransport::launch(ServerCommand::new(SERVER)).unwrap_err();
    assert!(matches!(refused, LaunchError::NoRuntime), "{refused:?}");
}
