//! Reads commands and answers them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::channels::Channels;
use crate::{client, load, resources, stubs};

/// A failure that is no status.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The answer to a command.
pub type Answer = Result<Value, Failure>;

/// A command, and the way to its events.
pub struct Command {
    fields: Map<String, Value>,
    pub channels: Arc<Channels>,
}

impl Command {
    /// A field that must be there.
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.optional(name).ok_or_else(|| format!("the command lacks {name}").into())
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.field(name).as_str()
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.field(name).as_u64()
    }

    /// A field, or null.
    pub fn field(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }

    /// Writes an event of this command.
    pub fn event(&self, name: &str, value: Value) {
        let mut line = Map::new();
        line.insert("id".into(), self.field("id").clone());
        line.insert("event".into(), Map::from_iter([(name.to_owned(), value)]).into());
        println!("{}", Value::Object(line));
    }

    async fn answer(&self) -> Answer {
        match self.text("op")? {
            "open" => self.channels.open(self),
            "close" => self.channels.close(self),
            "call" => stubs::call(self).await,
            "tool" => client::tool(self).await,
            "start" => client::start(self).await,
            "watch" => client::watch(self).await,
            "result" => client::result(self).await,
            "state" => client::state(self).await,
            "cancelJob" => client::cancel_job(self).await,
            "listJobs" => client::list_jobs(self).await,
            "watchJobs" => client::watch_jobs(self).await,
            "many" => load::many(self).await,
            "random" => load::random(self).await,
            "watches" => load::watches(self).await,
            "measure" => load::measure(self).await,
            "resources" => resources::read(),
            op => Err(format!("there is no op {op}").into()),
        }
    }

    /// What a stopped command answers: it was dropped, so it can say nothing itself.
    fn stopped(&self) -> Value {
        match self.optional("op") {
            Some("call" | "tool" | "start" | "result") => json!({"status": "CANCELLED", "message": "stopped"}),
            _ => json!({}),
        }
    }

    fn write(&self, answer: Answer) {
        let mut answer = answer.unwrap_or_else(|failure| json!({"failure": failure.to_string()}));
        answer["id"] = self.field("id").clone();
        println!("{answer}");
    }
}

/// Runs to the end of the input.
pub async fn run() -> io::Result<()> {
    let channels = Arc::new(Channels::default());
    let running: Arc<Mutex<HashMap<String, oneshot::Sender<()>>>> = Arc::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut tasks = JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        let fields: Map<String, Value> = serde_json::from_str(&line)?;
        let command = Command { fields, channels: channels.clone() };
        let id = command.field("id").to_string();
        let stops = |running: &Mutex<HashMap<String, oneshot::Sender<()>>>, id: &str| {
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
        };
        if command.optional("op") == Some("stop") {
            if let Some(stop) = stops(&running, &command.field("target").to_string()) {
                let _ = stop.send(());
            }
            command.write(Ok(json!({})));
            continue;
        }
        let (stop, stopped) = oneshot::channel();
        running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), stop);
        let running = running.clone();
        tasks.spawn(async move {
            let answer = tokio::select! {
                answer = command.answer() => answer,
                Ok(()) = stopped => Ok(command.stopped()),
            };
            stops(&running, &id);
            command.write(answer);
        });
        while tasks.try_join_next().is_some() {}
    }
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    Ok(())
}
