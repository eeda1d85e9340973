//! The definitions of tools that a channel and its calls accept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tonic::Code;

use crate::attempt::Intent;
use crate::declarations::Declarations;
use crate::definition::digest_in;
use crate::problem::{Problem, Reason};
use crate::system::v1::ToolDescription;
use crate::v1::ErrorReason;

/// Accepted definition digests by the names of tools.
pub(crate) type Pins = HashMap<String, String>;

/// True for 64 lower-case hex digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The descriptors of one list, read when a definition is asked for.
pub(crate) struct ListedDescriptors {
    bytes: Bytes,
    declarations: OnceLock<Result<Declarations, String>>,
}

impl ListedDescriptors {
    pub(crate) fn new(descriptor_set: &[u8]) -> Arc<Self> {
        Arc::new(Self { bytes: Bytes::copy_from_slice(descriptor_set), declarations: OnceLock::new() })
    }
}

/// The definition of a tool in one list, whose digest is computed when it is asked for.
pub(crate) struct ListedDefinition {
    tool: String,
    method: String,
    /// The digest that the server states; empty from servers of 0.1.
    stated: String,
    descriptors: Arc<ListedDescriptors>,
    digest: OnceLock<Result<String, String>>,
}

impl ListedDefinition {
    pub(crate) fn new(tool: &ToolDescription, descriptors: Arc<ListedDescriptors>) -> Self {
        let ToolDescription { name, method, definition_digest, .. } = tool.clone();
        Self { tool: name, method, stated: definition_digest, descriptors, digest: OnceLock::new() }
    }

    /// The digest to send with a call; empty if nothing is pinned, or the server is of 0.1 and does not know the field.
    /// Fails if the definition is not the pinned one, or if the server states the digest of another one.
    pub(crate) fn to_send(&self, pin: Option<&str>) -> Result<String, Problem> {
        let Some(pin) = pin else { return Ok(String::new()) };
        let tool = &self.tool;
        let digest = self.digest.get_or_init(|| self.compute()).as_ref().map_err(|problem| {
            Problem::invalid(format!("The definition of {tool} cannot be read from the list: {problem}.")).not_begun()
        })?;
        if digest != pin {
            let is = format!("The definition of {tool} is {digest}, not the accepted {pin}; the call was not sent.");
            let message = format!("{is} Look at what changed before you accept it.");
            return Err(Problem::wire(ErrorReason::ToolChanged, Code::FailedPrecondition, message).not_begun());
        }
        let stated = &self.stated;
        if !stated.is_empty() && stated != digest {
            let what = format!("The server states the definition digest {stated} of {tool}");
            return Err(Problem::invalid(format!("{what}, but its contract gives {digest}.")).not_begun());
        }
        Ok(stated.clone())
    }

    fn compute(&self) -> Result<String, String> {
        let ListedDescriptors { bytes, declarations } = &*self.descriptors;
        let declarations = declarations.get_or_init(|| Declarations::read(bytes)).as_ref().map_err(String::clone)?;
        digest_in(declarations, &self.tool, &self.method)
    }
}

impl fmt::Debug for ListedDefinition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ListedDefinition").field("tool", &self.tool).finish_non_exhaustive()
    }
}

/// Says of a refused envelope that the definition digest may be the cause: servers of 0.1 do not know it.
pub(crate) fn explain_refused_envelope(mut problem: Problem, intent: &Intent) -> Problem {
    let is_refused = problem.reason == Reason::Wire(ErrorReason::EnvelopeInvalid);
    if is_refused && !intent.definition_digest.is_empty() {
        let cause = "The call names a definition_digest, which servers of 0.1 refuse";
        problem.message = format!("{} {cause}; upgrade all servers of this address.", problem.message);
        if let Some(error) = &mut problem.error {
            error.message.clone_from(&problem.message);
        }
    }
    problem
}
