//! The notes file: one JSON object a line, with the text of a note and the idempotency key of the call that added it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// Adds notes to a file. Remembers their keys, also after a restart.
pub struct Notes(Mutex<State>);

struct State {
    file: File,
    numbers: HashMap<String, i64>,
    count: i64,
}

#[derive(Serialize, Deserialize)]
struct Note {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    text: String,
}

impl Notes {
    /// Opens the file, or makes it, and reads the keys in it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let mut state = State { file, numbers: HashMap::new(), count: 0 };
        let text = fs::read_to_string(path)?;
        // A crash can leave a part of a line, of a note that nobody was told about.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let note: Note = serde_json::from_str(line)?;
            state.remember(note.key);
        }
        state.file.set_len(whole as u64)?;
        Ok(Self(Mutex::new(state)))
    }

    /// Returns the number of the note, which is on disk then. The note of a known key is not added again.
    pub fn add(&self, text: String, key: Option<String>) -> io::Result<i64> {
        let mut state = self.0.lock().expect("no call panics while it adds");
        if let Some(number) = key.as_ref().and_then(|key| state.numbers.get(key)) {
            return Ok(*number);
        }
        let note = Note { key, text };
        let mut line = serde_json::to_vec(&note)?;
        line.push(b'\n');
        state.file.write_all(&line)?;
        state.file.sync_data()?;
        Ok(state.remember(note.key))
    }
}

impl State {
    fn remember(&mut self, key: Option<String>) -> i64 {
        self.count += 1;
        if let Some(key) = key {
            self.numbers.insert(key, self.count);
        }
        self.count
    }
}
