//! [`StoredTask`]: the record of one task, and how it may change.

use std::{collections::BTreeMap, fmt, time::Duration};

use palisade_protocol::{
    DetailedTask, ErrorObject, InputRequest, InputRequests, RawJson, Task, TaskStatus,
};
use palisade_security::UnixMillis;
use serde::{Deserialize, Serialize};

/// The longest status message that is kept, in bytes.
const MAX_MESSAGE: usize = 256;

/// The most questions of a task that may be open at a time: as many as our own client answers at once.
const MAX_QUESTIONS: usize = 32;

/// What is known of a task. A store keeps it as it is: all that it needs to know are the id, the owner, the
/// version and the time at which the record is of no use any more.
///
/// It holds what the client answered and what the tool returned. A store that writes records somewhere
/// else protects them there.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTask {
    id: String,
    owner: [u8; 32],
    tool: String,
    version: u64,
    status: TaskStatus,
    status_message: Option<String>,
    created_at: u64,
    updated_at: u64,
    ttl: u64,
    poll_interval: u64,
    /// How many questions there have been: it makes their keys unique.
    questions: u64,
    open: InputRequests,
    answers: BTreeMap<String, RawJson>,
    result: Option<RawJson>,
    error: Option<ErrorObject>,
}

impl StoredTask {
    /// A task at its beginning.
    pub(crate) fn new(
        id: String,
        owner: [u8; 32],
        tool: &str,
        now: UnixMillis,
        ttl: Duration,
        poll_interval: Duration,
    ) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            id,
            owner,
            tool: tool.to_owned(),
            version: 1,
            status: TaskStatus::Working,
            status_message: None,
            created_at: now.as_millis(),
            updated_at: now.as_millis(),
            ttl: millis(ttl),
            poll_interval: millis(poll_interval),
            questions: 0,
            open: InputRequests::new(),
            answers: BTreeMap::new(),
            result: None,
            error: None,
        }
    }

    /// The id. Keep it out of logs.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose task it is: the context key of a principal.
    #[must_use]
    pub fn owner(&self) -> &[u8; 32] {
        &self.owner
    }

    /// The tool that runs.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// Grows by one with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Where the task stands.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        self.status
    }

    /// When the record is of no use any more. The engine treats the task as unknown from then on.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        UnixMillis::new(self.created_at).saturating_add(Duration::from_millis(self.ttl))
    }

    /// The task as the client sees it at its beginning.
    pub(crate) fn task(&self) -> Task {
        let iso8601 = |millis| UnixMillis::new(millis).to_iso8601();
        let mut task = Task::new(&*self.id, self.status, iso8601(self.created_at), Some(self.ttl))
            .with_last_updated_at(iso8601(self.updated_at))
            .with_poll_interval_ms(self.poll_interval);
        task.status_message.clone_from(&self.status_message);
        task
    }

    /// The task with what its status brings along.
    pub(crate) fn detailed(&self) -> DetailedTask {
        let mut detailed = DetailedTask::new(self.task());
        detailed.input_requests =
            (self.status == TaskStatus::InputRequired).then(|| self.open.clone());
        detailed.result.clone_from(&self.result);
        detailed.error.clone_from(&self.error);
        detailed
    }

    /// The record after a change.
    pub(super) fn next_version(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }

    /// Opens a question, and names it as the client will. `None` if the task is over, or too much is open.
    ///
    /// No name is used twice: an answer that comes late must not be taken for one to another question.
    pub(super) fn ask(
        &mut self,
        key: &str,
        request: &InputRequest,
        max_bytes: usize,
        now: UnixMillis,
    ) -> Option<String> {
        if self.status.is_terminal() || self.open.len() >= MAX_QUESTIONS {
            return None;
        }
        self.questions = self.questions.saturating_add(1);
        let name = format!("{key}.{}", self.questions);
        self.open.insert(&*name, request.clone());
        if self.bytes() > max_bytes {
            return None;
        }
        self.status = TaskStatus::InputRequired;
        self.touch(now);
        Some(name)
    }

    /// Takes the answers to open questions, ignores others. `None` if none of them is, `Some(false)` if they
    /// are too large.
    pub(crate) fn answer(
        &mut self,
        responses: &BTreeMap<String, RawJson>,
        max_bytes: usize,
        now: UnixMillis,
    ) -> Option<bool> {
        let before = self.open.len();
        for (name, response) in responses {
            if self.open.remove(name).is_some() {
                self.answers.insert(name.clone(), response.clone());
            }
        }
        if self.open.len() == before {
            return None;
        }
        self.resume(now);
        Some(self.bytes() <= max_bytes)
    }

    /// Whether the answer to a question is there.
    pub(super) fn is_answered(&self, name: &str) -> bool {
        self.answers.contains_key(name)
    }

    /// Takes the answer to a question out.
    pub(super) fn take_answer(&mut self, name: &str) -> Option<RawJson> {
        self.answers.remove(name)
    }

    /// Takes a question back.
    pub(super) fn withdraw(&mut self, name: &str, now: UnixMillis) -> Option<()> {
        let open = self.open.remove(name).is_some();
        let answered = self.answers.remove(name).is_some();
        if open {
            self.resume(now);
        }
        (open || answered).then_some(())
    }

    /// Says what is happening.
    pub(super) fn note(&mut self, message: &str, now: UnixMillis) -> Option<()> {
        if self.status.is_terminal() {
            return None;
        }
        let end = message.floor_char_boundary(MAX_MESSAGE);
        self.status_message = message.get(..end).map(str::to_owned);
        self.touch(now);
        Some(())
    }

    /// Ends the task with what the request would have returned.
    pub(super) fn complete(&mut self, result: RawJson, now: UnixMillis) -> Option<()> {
        self.end(TaskStatus::Completed, now)?;
        self.result = Some(result);
        Some(())
    }

    /// Ends the task with a JSON-RPC error.
    pub(super) fn fail(&mut self, error: ErrorObject, now: UnixMillis) -> Option<()> {
        self.end(TaskStatus::Failed, now)?;
        self.error = Some(error);
        Some(())
    }

    /// Ends the task before it is done.
    pub(crate) fn cancel(&mut self, why: &'static str, now: UnixMillis) -> Option<()> {
        self.end(TaskStatus::Cancelled, now)?;
        self.status_message = Some(why.to_owned());
        Some(())
    }

    /// What is over does not change any more.
    fn end(&mut self, status: TaskStatus, now: UnixMillis) -> Option<()> {
        if self.status.is_terminal() {
            return None;
        }
        self.status = status;
        self.status_message = None;
        self.open = InputRequests::new();
        self.answers.clear();
        self.touch(now);
        Some(())
    }

    fn resume(&mut self, now: UnixMillis) {
        if self.open.is_empty() && self.status == TaskStatus::InputRequired {
            self.status = TaskStatus::Working;
        }
        self.touch(now);
    }

    fn touch(&mut self, now: UnixMillis) {
        self.updated_at = now.as_millis().max(self.updated_at);
    }

    /// What questions and answers take, about.
    fn bytes(&self) -> usize {
        let open = self.open.iter().map(|(name, request)| {
            name.len().saturating_add(serde_json::to_vec(request).map_or(0, |text| text.len()))
        });
        let answers =
            self.answers.iter().map(|(name, answer)| name.len().saturating_add(answer.get().len()));
        open.chain(answers).fold(0, usize::saturating_add)
    }
}

impl fmt::Debug for StoredTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the id, for who has it may reach the task, and nothing of what client and tool said.
        f.debug_struct("StoredTask")
            .field("tool", &self.tool)
            .field("version", &self.version)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use palisade_protocol::{ElicitRequestFormParams, ElicitSchema};
    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1000);

    fn task() -> StoredTask {
        let (ttl, poll) = (Duration::from_secs(60), Duration::from_millis(500));
        StoredTask::new("id".into(), [7; 32], "tool", NOW, ttl, poll)
    }

    fn question() -> InputRequest {
        ElicitRequestFormParams::new("sure?", ElicitSchema::new()).into()
    }

    fn answers(names: &[&str]) -> BTreeMap<String, RawJson> {
        let answer = || RawJson::from(json!({ "action": "decline" }));
        names.iter().map(|name| ((*name).to_owned(), answer())).collect()
    }

    #[test]
    fn a_task_waits_until_every_question_is_answered() {
        let mut task = task();
        let one = task.ask("sure", &question(), 10_000, NOW).unwrap();
        let two = task.ask("sure", &question(), 10_000, NOW).unwrap();
        assert_ne!(one, two, "no name is used twice");
        assert_eq!(task.detailed().input_requests.unwrap().len(), 2);

        let unknown = task.answer(&answers(&["sure", "other"]), 10_000, NOW);
        assert_eq!((unknown, task.status()), (None, TaskStatus::InputRequired));
        assert_eq!(task.answer(&answers(&[&one, "other"]), 10_000, NOW), Some(true));
        assert_eq!(task.status(), TaskStatus::InputRequired);
        assert!(!task.detailed().input_requests.unwrap().contains_key(&one));
        assert_eq!(task.answer(&answers(&[&one]), 10_000, NOW), None, "answered once");
        assert_eq!(task.answer(&answers(&[&two]), 10_000, NOW), Some(true));
        assert_eq!(task.status(), TaskStatus::Working);
        assert!(task.detailed().input_requests.is_none());

        assert!(task.is_answered(&one) && task.take_answer(&one).is_some());
        assert!(!task.is_answered(&one) && task.take_answer(&one).is_none());
    }

    #[test]
    fn a_question_that_is_taken_back_is_no_longer_asked() {
        let mut task = task();
        let name = task.ask("sure", &question(), 10_000, NOW).unwrap();
        assert_eq!(task.withdraw(&name, NOW), Some(()));
        assert_eq!((task.status(), task.withdraw(&name, NOW)), (TaskStatus::Working, None));
        assert_eq!(task.answer(&answers(&[&name]), 10_000, NOW), None);
    }

    #[test]
    fn questions_and_answers_are_bounded() {
        let mut asking = task();
        for _ in 0..MAX_QUESTIONS {
            assert!(asking.ask("sure", &question(), 1 << 20, NOW).is_some());
        }
        assert_eq!(asking.ask("sure", &question(), 1 << 20, NOW), None);
        assert_eq!(task().ask("sure", &question(), 10, NOW), None);
        let mut task = task();
        let name = task.ask("sure", &question(), 10_000, NOW).unwrap();
        assert_eq!(task.answer(&answers(&[&name]), 10, NOW), Some(false));
    }

    #[test]
    fn what_is_over_stays_as_it_is() {
        let end: [fn(&mut StoredTask) -> Option<()>; 3] = [
            |task| task.complete(RawJson::from(json!({})), NOW),
            |task| task.fail(ErrorObject::internal(), NOW),
            |task| task.cancel("enough", NOW),
        ];
        for (first, status) in
            end.iter().zip([TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Cancelled])
        {
            let mut task = task();
            let name = task.ask("sure", &question(), 10_000, NOW).unwrap();
            assert_eq!((first(&mut task), task.status()), (Some(()), status));
            let ended = task.clone();
            assert_eq!(task.answer(&answers(&[&name]), 10_000, NOW), None);
            assert_eq!(task.ask("sure", &question(), 10_000, NOW), None);
            assert_eq!(task.note("still here", NOW), None);
            assert!(end.iter().all(|end| end(&mut task).is_none()));
            assert_eq!(task, ended);
            let detailed = task.detailed();
            let details = (detailed.result.is_some(), detailed.error.is_some());
            assert_eq!(details, (status == TaskStatus::Completed, status == TaskStatus::Failed));
        }
    }

    #[test]
    fn a_record_shows_neither_its_id_nor_what_was_said() {
        let mut task = StoredTask { id: "canary".into(), ..task() };
        let name = task.ask("canary", &question(), 10_000, NOW).unwrap();
        task.note("canary", NOW).unwrap();
        let said = BTreeMap::from([(name, RawJson::from(json!("canary")))]);
        assert_eq!(task.answer(&said, 10_000, NOW), Some(true));
        assert!(!format!("{task:?}").contains("canary"));
        task.complete(RawJson::from(json!("canary")), NOW).unwrap();
        assert!(!format!("{task:?}").contains("canary"));
    }

    #[test]
    fn records_survive_being_stored_and_times_do_not_run_backwards() {
        let mut task = task();
        task.ask("sure", &question(), 10_000, UnixMillis::new(5000)).unwrap();
        task.note(&"é".repeat(MAX_MESSAGE), NOW).unwrap();
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<StoredTask>(&text).unwrap(), task);
        assert_eq!(task.expires_at(), UnixMillis::new(61_000));
        let seen = task.task();
        assert_eq!(seen.last_updated_at, "1970-01-01T00:00:05.000Z");
        assert_eq!(seen.status_message.unwrap().len(), MAX_MESSAGE);
    }
}
