//! The tools: an ordinary service, which knows nothing of Sealwire but the idempotency key in the metadata. Sealwire has
//! checked the rules of the contract before it calls; they are checked here again for other callers.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::calls::Calls;
use crate::contract::archive::v1::archive_tool_service_server::ArchiveToolService;
use crate::contract::archive::v1::hash_pages_response::Step;
use crate::contract::archive::v1::{
    AddNoteRequest, AddNoteResponse, CountWordsRequest, CountWordsResponse, HashPagesRequest, HashPagesResponse,
};
use crate::contract::sealwire::v1::JobProgress;
use crate::metadata::Call;
use crate::notes::Notes;

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub struct Tools {
    pub notes: Arc<Notes>,
    pub pause_after_effect: Duration,
    pub calls: Calls,
}

#[tonic::async_trait]
impl ArchiveToolService for Tools {
    type HashPagesStream = ReceiverStream<Result<HashPagesResponse, Status>>;

    async fn add_note(&self, request: Request<AddNoteRequest>) -> Result<Response<AddNoteResponse>, Status> {
        let call = Call::of("AddNote", request.metadata().as_ref());
        let work = async {
            let (text, key) = (request.into_inner().text, call.key.clone());
            require((1..=1000).contains(&text.chars().count()), "text: must have 1 to 1,000 characters")?;
            let notes = self.notes.clone();
            let added = tokio::task::spawn_blocking(move || notes.add(text, key)).await;
            let number = added.map_err(|_| Status::internal("the note was lost"))??;
            sleep(self.pause_after_effect).await;
            Ok(Response::new(AddNoteResponse { number }))
        };
        self.calls.surround(&call, work).await
    }

    async fn count_words(&self, request: Request<CountWordsRequest>) -> Result<Response<CountWordsResponse>, Status> {
        let call = Call::of("CountWords", request.metadata().as_ref());
        let work = async {
            let CountWordsRequest { text, pause } = request.into_inner();
            require(text.chars().count() <= 10_000, "text: must have 10,000 characters at most")?;
            sleep(pause_of(pause)?).await;
            Ok(Response::new(CountWordsResponse { words: text.split_whitespace().count() as i64 }))
        };
        self.calls.surround(&call, work).await
    }

    async fn hash_pages(&self, request: Request<HashPagesRequest>) -> Result<Response<Self::HashPagesStream>, Status> {
        let call = Call::of("HashPages", request.metadata().as_ref());
        let (responses, stream) = mpsc::channel(1);
        let calls = self.calls.clone();
        tokio::spawn(async move {
            let work = async {
                tokio::select! {
                    outcome = send_pages(request.into_inner(), &responses) => outcome,
                    // The stream is dropped when the call is cancelled.
                    () = responses.closed() => Err(Status::cancelled("the caller is gone")),
                }
            };
            if let Err(status) = calls.surround(&call, work).await {
                // Nobody waits for the status of a cancelled call.
                let _ = responses.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

async fn send_pages(
    request: HashPagesRequest,
    responses: &Sender<Result<HashPagesResponse, Status>>,
) -> Result<(), Status> {
    require((1..=10_000).contains(&request.pages), "pages: must be 1 to 10,000")?;
    let pause = pause_of(request.pause)?;
    let mut hash = Sha256::new();
    for page in 1..=request.pages {
        sleep(pause).await;
        hash.update(format!("page {page}\n"));
        let message = format!("page {page}");
        let progress = JobProgress { completed: page.into(), total: request.pages.into(), message };
        send(responses, Step::Progress(progress)).await?;
    }
    let mut hexadecimal = String::new();
    for byte in hash.finalize() {
        write!(hexadecimal, "{byte:02x}").expect("a string takes any text");
    }
    send(responses, Step::Sha256(hexadecimal)).await
}

async fn send(responses: &Sender<Result<HashPagesResponse, Status>>, step: Step) -> Result<(), Status> {
    let sent = responses.send(Ok(HashPagesResponse { step: Some(step) })).await;
    sent.map_err(|_| Status::cancelled("the caller is gone"))
}

fn pause_of(pause: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let pause = Duration::try_from(pause.unwrap_or_default()).ok().filter(|pause| *pause <= LONGEST_PAUSE);
    pause.ok_or_else(|| Status::invalid_argument("pause: must be 0 to 60 seconds"))
}

fn require(holds: bool, rule: &str) -> Result<(), Status> {
    if holds { Ok(()) } else { Err(Status::invalid_argument(rule)) }
}
