//! The tools that a server offers, from its signed `list_tools`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use prost::Message;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::pins::{ListedDefinition, ListedDescriptors};
use crate::problem::Problem;
use crate::system::v1::{ListToolsResponse, ToolDescription};
use crate::v1::ErrorReason;

const PREFIX: &str = "type.googleapis.com/";
const PROGRESS: &str = ".sealwire.v1.JobProgress";
/// The numbers that a field can have.
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=(1 << 29) - 1;
/// Maximum length of a path in a message, which names the tools after it.
const PATH_MOST: usize = 100;

/// A method of the contract.
#[derive(Clone, Debug)]
pub(crate) struct ToolMethod {
    /// The name of its tool.
    pub(crate) tool: Arc<str>,
    /// The type URLs of request and response.
    pub(crate) input: Arc<str>,
    pub(crate) output: Arc<str>,
    pub(crate) is_job: bool,
    /// True if a call that is executed twice does no harm. Never true of a job.
    pub(crate) repeatable: bool,
    /// The field of its streamed messages that reports progress; `None` unless it is a streaming job method.
    pub(crate) progress: Option<u32>,
    /// What a model is shown of the tool; `None` for a system tool.
    pub(crate) definition: Option<Arc<ListedDefinition>>,
}

/// The tools of a server.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    /// By gRPC path, `/package.Service/Method`.
    methods: HashMap<String, Arc<ToolMethod>>,
    by_tool: HashMap<Arc<str>, Arc<ToolMethod>>,
}

impl Contract {
    /// Reads a verified answer with descriptors.
    pub(crate) fn read(answer: &ListToolsResponse) -> Result<Self, Problem> {
        let set = FileDescriptorSet::decode(&*answer.descriptor_set);
        let set =
            set.map_err(|_| Problem::invalid("The server's list_tools answer has no descriptors that decode."))?;
        let descriptors = ListedDescriptors::new(&answer.descriptor_set);
        let mut contract = Self::default();
        for tool in &answer.tools {
            if let Some((path, mut method)) = read_method(&set, tool)? {
                if !path.starts_with(SYSTEM) {
                    method.definition = Some(Arc::new(ListedDefinition::new(tool, descriptors.clone())));
                }
                contract.insert(path, method);
            }
        }
        Ok(contract)
    }

    /// The tools that every server has.
    pub(crate) fn of_system() -> Self {
        let mut contract = Self::default();
        for (tool, method) in SYSTEM_TOOLS {
            let input = format!("{PREFIX}sealwire.system.v1.{method}Request").into();
            let output = format!("{PREFIX}sealwire.system.v1.{method}Response").into();
            let (is_job, repeatable) = (false, true);
            let method_of =
                ToolMethod { tool: tool.into(), input, output, is_job, repeatable, progress: None, definition: None };
            contract.insert(format!("{SYSTEM}{method}"), method_of);
        }
        contract
    }

    pub(crate) fn by_path(&self, path: &str) -> Option<&Arc<ToolMethod>> {
        self.methods.get(path)
    }

    pub(crate) fn by_tool(&self, tool: &str) -> Option<&Arc<ToolMethod>> {
        self.by_tool.get(tool)
    }

    /// The failure of a call of a method that is no tool. Names those that there are, those of the system last.
    pub(crate) fn not_offered(&self, path: &str) -> Problem {
        let mut paths: Vec<_> = self.methods.keys().map(String::as_str).collect();
        paths.sort_by_key(|path| (path.starts_with(SYSTEM), *path));
        let names: Vec<_> = paths.iter().map(|path| path.trim_start_matches('/')).collect();
        let given: String = path.trim_start_matches('/').chars().take(PATH_MOST).collect();
        let message = format!("{given} is no tool that you may call. There are: {}", names.join(", "));
        Problem::wire(ErrorReason::ToolForbidden, tonic::Code::Unimplemented, message).not_begun()
    }

    /// The failure of a call of a tool by a name that is not listed.
    pub(crate) fn not_listed(&self, tool: &str) -> Problem {
        let mut names: BTreeMap<bool, Vec<_>> = BTreeMap::new();
        for (path, method) in &self.methods {
            names.entry(path.starts_with(SYSTEM)).or_default().push(&*method.tool);
        }
        let mut names: Vec<_> = names.into_values().flat_map(sorted).collect();
        names.truncate(100);
        let message = format!("The server lists no tool {tool:?} for this client. There are: {}", names.join(", "));
        Problem::wire(ErrorReason::ToolForbidden, tonic::Code::PermissionDenied, message).not_begun()
    }

    fn insert(&mut self, path: String, method: ToolMethod) {
        let method = Arc::new(method);
        self.by_tool.insert(method.tool.clone(), method.clone());
        self.methods.insert(path, method);
    }
}

const SYSTEM: &str = "/sealwire.system.v1.SystemToolService/";
const SYSTEM_TOOLS: [(&str, &str); 7] = [
    ("server_identity", "ServerIdentity"),
    ("list_tools", "ListTools"),
    ("poll_job", "PollJob"),
    ("watch_job", "WatchJob"),
    ("watch_jobs", "WatchJobs"),
    ("cancel_job", "CancelJob"),
    ("list_jobs", "ListJobs"),
];

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

fn read_method(set: &FileDescriptorSet, tool: &ToolDescription) -> Result<Option<(String, ToolMethod)>, Problem> {
    let Some((service, name)) = tool.method.rsplit_once('.') else { return Ok(None) };
    let Some(streams) = streams_response(set, service, name) else { return Ok(None) };
    let is_job = tool.job.is_some();
    let progress = if is_job && streams { Some(progress_field(set, tool)?) } else { None };
    let method = ToolMethod {
        tool: tool.name.as_str().into(),
        input: format!("{PREFIX}{}", tool.request_type).into(),
        output: format!("{PREFIX}{}", tool.response_type).into(),
        is_job,
        repeatable: tool.idempotent && !is_job,
        progress,
        definition: None,
    };
    Ok(Some((format!("/{service}/{name}"), method)))
}

/// Whether a method streams its response; `None` if the descriptors do not have it.
fn streams_response(set: &FileDescriptorSet, service: &str, method: &str) -> Option<bool> {
    let (package, name) = service.rsplit_once('.').unwrap_or(("", service));
    let files = set.file.iter().filter(|file| file.package() == package);
    let service = files.flat_map(|file| &file.service).find(|service| service.name() == name)?;
    service.method.iter().find(|each| each.name() == method).map(prost_types::MethodDescriptorProto::server_streaming)
}

/// The number of the one field of type `sealwire.v1.JobProgress`.
fn progress_field(set: &FileDescriptorSet, tool: &ToolDescription) -> Result<u32, Problem> {
    let message = set.file.iter().find_map(|file| {
        let inside = tool.response_type.strip_prefix(file.package())?;
        let inside = if file.package().is_empty() { inside } else { inside.strip_prefix('.')? };
        message_named(&file.message_type, inside)
    });
    let fields = message.iter().flat_map(|message| &message.field);
    let mut progress = fields.filter(|field| field.type_name() == PROGRESS);
    let number = |field: &FieldDescriptorProto| u32::try_from(field.number()).ok().filter(|n| NUMBERS.contains(n));
    if let (Some(Some(number)), None) = (progress.next().map(number), progress.next()) {
        Ok(number)
    } else {
        let (method, output) = (&tool.method, &tool.response_type);
        let what = format!("{method} streams its response, so {output} must have one field of type");
        Err(Problem::invalid(format!("The server's list_tools answer cannot be used: {what} {PROGRESS}.")))
    }
}

fn message_named<'a>(among: &'a [DescriptorProto], name: &str) -> Option<&'a DescriptorProto> {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let found = among.iter().find(|message| message.name() == first)?;
    if rest.is_empty() { Some(found) } else { message_named(&found.nested_type, rest) }
}
