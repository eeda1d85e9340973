//! Definition digests: whether a tool is still what somebody has accepted.

use std::collections::HashSet;
use std::{error, fmt};

use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::declarations::{Declarations, DeclaredType, without_dot};
use crate::signing::pae;
use crate::system::v1::ToolDescription;
use crate::v1::ToolOptions;
use crate::wire_field::Fields;

// Fields of a MethodDescriptorProto and of its options.
const INPUT_TYPE: u32 = 2;
const OUTPUT_TYPE: u32 = 3;
const OPTIONS: u32 = 4;
const IDEMPOTENCY_LEVEL: u32 = 34;
/// `(sealwire.v1.job)` and `(sealwire.v1.tool)` in sealwire/v1/options.proto.
const JOB: u32 = 50_610;
const TOOL: u32 = 50_611;

/// Types whose JSON form the specification fixes. They are the same in every contract.
const FIXED: [&str; 18] = [
    "Any",
    "Timestamp",
    "Duration",
    "FieldMask",
    "Empty",
    "Struct",
    "Value",
    "ListValue",
    "NullValue",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "StringValue",
    "UInt32Value",
    "UInt64Value",
];

/// Computes the digest of a tool's definition, 64 hex digits, from a verified `list_tools` answer with descriptors. It
/// changes when anything changes that a model is shown of the tool, comments included.
///
/// Only the name and the method of `tool` are used, and not what the server states as its digest: a server that changes a
/// tool may state the earlier one.
///
/// ```no_run
/// # async fn run(client: sealwire::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let listed = client.list_tools(true).await?;
/// for tool in &listed.tools {
///     println!("{} {}", tool.name, sealwire::definition_digest(tool, &listed.descriptor_set)?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the descriptors cannot be read or have no such method.
pub fn definition_digest(tool: &ToolDescription, descriptor_set: &[u8]) -> Result<String, DescriptorError> {
    let declarations = Declarations::read(&Bytes::copy_from_slice(descriptor_set)).map_err(DescriptorError)?;
    digest_in(&declarations, &tool.name, &tool.method).map_err(DescriptorError)
}

/// The digest of the tool with a name and a method.
pub(crate) fn digest_in(declarations: &Declarations, tool: &str, path: &str) -> Result<String, String> {
    let method = declarations.method(path).ok_or_else(|| format!("there is no descriptor of {path:?}"))?;
    let options = Fields::read(&method.fields.message(OPTIONS))?;
    let hints = ToolOptions::decode(options.message(TOOL));
    let hints = hints.map_err(|error| format!("the options of {path} do not decode: {error}"))?;
    let kind = if options.contents(JOB).next().is_some() { "job" } else { "call" };
    let effect = match options.varints(IDEMPOTENCY_LEVEL)?.last() {
        Some(1) => "read_only",
        Some(2) => "idempotent",
        _ => "",
    };
    let request = without_dot(&method.fields.text(INPUT_TYPE));
    let response = without_dot(&method.fields.text(OUTPUT_TYPE));
    let (destructive, open_world) = hints_of(&hints);
    let types = closure(declarations, [request.clone(), response.clone()])?;
    let types: Vec<_> = types.iter().map(encoded).collect();
    let mut parts: Vec<&[u8]> = vec![b"definition", tool.as_bytes(), hints.title.as_bytes(), &method.comment];
    parts.extend([path.as_bytes(), &request, &response, kind.as_bytes(), effect.as_bytes()]);
    parts.extend([destructive, open_world, &hints.input_schema, &hints.output_schema].map(str::as_bytes));
    parts.extend(types.iter().map(Vec::as_slice));
    Ok(hex(&Sha256::digest(pae(&parts))))
}

/// The hints as text. The earlier fields count where they are true.
#[allow(deprecated)]
fn hints_of(options: &ToolOptions) -> (&'static str, &'static str) {
    let text = |stated: Option<bool>, earlier: bool| match stated {
        Some(true) => "true",
        Some(false) => "false",
        None if earlier => "true",
        None => "",
    };
    let destructive = text(options.destructive_hint, options.destructive);
    (destructive, text(options.open_world_hint, options.open_world))
}

fn encoded(declared: &DeclaredType) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = vec![&declared.name, &declared.declaration];
    parts.extend(declared.comments.iter().map(Vec::as_slice));
    pae(&parts)
}

/// The types that the roots use, directly or not, sorted by name.
fn closure(declarations: &Declarations, roots: [Bytes; 2]) -> Result<Vec<DeclaredType>, String> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut waiting = Vec::from(roots);
    while let Some(name) = waiting.pop() {
        if is_fixed(&name) || !seen.insert(name.clone()) {
            continue;
        }
        if let Some(declared) = declarations.find(&name)? {
            waiting.extend(declared.uses.iter().cloned());
            found.push(declared);
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn is_fixed(name: &[u8]) -> bool {
    name.strip_prefix(b"google.protobuf.").is_some_and(|name| FIXED.iter().any(|fixed| fixed.as_bytes() == name))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Says why descriptors have no definition of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescriptorError(String);

impl fmt::Display for DescriptorError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "The definition of the tool cannot be read: {}.", self.0)
    }
}

impl error::Error for DescriptorError {}
