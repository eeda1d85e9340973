//! The server's contract, fetched again while it is used, so that new tools need no restart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::attempt::Intent;
use crate::connection::Connection;
use crate::contract::{Contract, ToolMethod};
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::random;
use crate::system::v1::{ListToolsRequest, ListToolsResponse};
use crate::tool_call::call_tool;
use crate::typed::{decoded, encoded, result_of};

/// Age from which a call of a known method fetches the contract again, without waiting for it.
const REFRESH: Duration = Duration::from_secs(10);
/// Minimum age at which an unknown method waits for a newer contract.
const RECENT: Duration = Duration::from_secs(1);

/// The contracts of one channel.
pub(crate) struct ContractCache {
    connection: Arc<Connection>,
    system: Contract,
    known: RwLock<Option<Known>>,
    /// Held by the one who fetches; holds the failure of the last fetch.
    fetching: tokio::sync::Mutex<Option<(Instant, Problem)>>,
    is_refreshing: AtomicBool,
}

#[derive(Clone)]
struct Known {
    contract: Arc<Contract>,
    fetched_at: Instant,
}

impl ContractCache {
    pub(crate) fn new(connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self {
            connection,
            system: Contract::of_system(),
            known: RwLock::new(None),
            fetching: tokio::sync::Mutex::new(None),
            is_refreshing: AtomicBool::new(false),
        })
    }

    /// The method behind a gRPC path. Fails with `UNIMPLEMENTED` if the server offers no such tool, and with the failure of
    /// the fetch if it is not known whether it does. The text is the definition digest to send; `TOOL_CHANGED` if the
    /// definition is not the pinned one.
    pub(crate) async fn by_path(self: &Arc<Self>, path: &str) -> Result<(Arc<ToolMethod>, String), Problem> {
        let found = self.find(|contract| contract.by_path(path).cloned(), |method| self.accepts(method, None)).await;
        let method = found.map_err(|reason| reason.unwrap_or_else(|contract| contract.not_offered(path)))?;
        let digest = self.digest_to_send(&method, None)?;
        Ok((method, digest))
    }

    /// A tool by its name; otherwise like [`by_path`](Self::by_path). `pin` replaces the pin of the channel.
    pub(crate) async fn by_tool(
        self: &Arc<Self>,
        tool: &str,
        pin: Option<&str>,
    ) -> Result<(Arc<ToolMethod>, String), Problem> {
        let found = self.find(|contract| contract.by_tool(tool).cloned(), |method| self.accepts(method, pin)).await;
        let method = found.map_err(|reason| reason.unwrap_or_else(|contract| contract.not_listed(tool)))?;
        let digest = self.digest_to_send(&method, pin)?;
        Ok((method, digest))
    }

    /// A tool by its name, whatever its definition.
    pub(crate) async fn described(self: &Arc<Self>, tool: &str) -> Result<Arc<ToolMethod>, Problem> {
        let found = self.find(|contract| contract.by_tool(tool).cloned(), |_| true).await;
        found.map_err(|reason| reason.unwrap_or_else(|contract| contract.not_listed(tool)))
    }

    /// True if a call may be made by the contract that is known, so that no newer one is needed.
    fn accepts(&self, method: &ToolMethod, pin: Option<&str>) -> bool {
        self.digest_to_send(method, pin).is_ok()
    }

    fn digest_to_send(&self, method: &ToolMethod, pin: Option<&str>) -> Result<String, Problem> {
        let pin = pin.or_else(|| self.connection.options.pins.get(&*method.tool).map(String::as_str));
        method.definition.as_ref().map_or(Ok(String::new()), |definition| definition.to_send(pin))
    }

    /// The inner error is the contract that does not have it.
    async fn find(
        self: &Arc<Self>,
        look_up: impl Fn(&Contract) -> Option<Arc<ToolMethod>>,
        is_usable: impl Fn(&ToolMethod) -> bool,
    ) -> Result<Arc<ToolMethod>, Result<Problem, Arc<Contract>>> {
        if let Some(method) = look_up(&self.system) {
            return Ok(method);
        }
        let known = self.known();
        if let Some(known) = known
            && let Some(method) = look_up(&known.contract)
            && is_usable(&method)
        {
            if known.fetched_at.elapsed() > REFRESH {
                self.refresh();
            }
            return Ok(method);
        }
        let contract = self.recent().await.map_err(Ok)?;
        look_up(&contract).ok_or(Err(contract))
    }

    /// A contract that is at most a second old. Concurrent callers share one fetch.
    async fn recent(&self) -> Result<Arc<Contract>, Problem> {
        let asked_at = Instant::now();
        let mut failed = self.fetching.lock().await;
        if let Some(known) = self.known()
            && known.fetched_at.elapsed() < RECENT
        {
            return Ok(known.contract);
        }
        if let Some((began_at, problem)) = &*failed
            && *began_at >= asked_at
        {
            return Err(problem.clone());
        }
        let began_at = Instant::now();
        match self.fetch().await {
            Ok(contract) => {
                let contract = Arc::new(contract);
                let known = Known { contract: contract.clone(), fetched_at: Instant::now() };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                *failed = None;
                Ok(contract)
            }
            Err(problem) => {
                *failed = Some((began_at, problem.clone()));
                Err(problem)
            }
        }
    }

    /// Fetches the contract in the background, unless that is under way. A failure leaves the known one.
    fn refresh(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        // Dropped also where the runtime stops the task.
        let refreshing = Refreshing(self.clone());
        runtime.spawn(async move {
            let _ = refreshing.0.recent().await;
        });
    }

    async fn fetch(&self) -> Result<Contract, Problem> {
        let (input, args) = encoded(&ListToolsRequest { include_descriptors: true });
        let intent = Intent::of_system("list_tools", input, args, random::uuid());
        let deadline = Deadline::after(Some(self.connection.options.timeout));
        let response = call_tool(&self.connection, &intent, &deadline).await?;
        Contract::read(&decoded::<ListToolsResponse>(&result_of("list_tools", response)?)?)
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A refresh that is under way.
struct Refreshing(Arc<ContractCache>);

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.0.is_refreshing.store(false, Ordering::Release);
    }
}
