//! The declarations in a descriptor set, with their bytes as they are (docs/protocol.md of the repository, Tool
//! definitions).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::wire_field::Fields;

// Numbers of fields in google/protobuf/descriptor.proto, of which the paths of comments consist, too.
const SET_FILE: u32 = 1;
const FILE_NAME: u32 = 1;
const FILE_PACKAGE: u32 = 2;
const FILE_TYPES: (u32, u32) = (4, 5);
const FILE_SERVICE: u32 = 6;
const FILE_SOURCE_INFO: u32 = 9;
const MESSAGE_FIELD: u32 = 2;
const MESSAGE_TYPES: (u32, u32) = (3, 4);
const ENUM_VALUE: u32 = 2;
const SERVICE_METHOD: u32 = 2;
const NAME: u32 = 1;
const FIELD_TYPE_NAME: u32 = 6;
const LOCATION: u32 = 1;
const LOCATION_PATH: u32 = 1;
const LOCATION_LEADING: u32 = 3;
const LOCATION_TRAILING: u32 = 4;

/// Two numbers for each of the 100 levels that messages of protobuf have at most.
const PATH_MOST: usize = 200;

type Path = Vec<u64>;
type Comments = HashMap<Path, Vec<u8>>;

/// The methods and types of a serialized `FileDescriptorSet` by their full names.
#[derive(Default)]
pub(crate) struct Declarations {
    files: HashSet<Bytes>,
    types: HashMap<Bytes, Place>,
    methods: HashMap<Bytes, Method>,
}

/// A method as its file declares it.
pub(crate) struct Method {
    /// The fields of its `MethodDescriptorProto`.
    pub(crate) fields: Fields,
    /// Empty if there is none.
    pub(crate) comment: Vec<u8>,
}

/// A message or an enum as its file declares it.
pub(crate) struct DeclaredType {
    pub(crate) name: Bytes,
    /// Its serialized descriptor without the types that it contains.
    pub(crate) declaration: Vec<u8>,
    /// That of the type, then of each field or value; empty where there is none.
    pub(crate) comments: Vec<Vec<u8>>,
    /// The full names of the types of its fields.
    pub(crate) uses: Vec<Bytes>,
}

/// Where a type is declared.
struct Place {
    comments: Arc<Comments>,
    path: Path,
    bytes: Bytes,
    is_enum: bool,
}

impl Declarations {
    /// Fails if the bytes are no descriptor set, or if it declares something twice.
    pub(crate) fn read(descriptor_set: &Bytes) -> Result<Self, String> {
        let mut declarations = Self::default();
        for file in Fields::read(descriptor_set)?.contents(SET_FILE) {
            declarations.add_file(file)?;
        }
        Ok(declarations)
    }

    /// The method with a full name.
    pub(crate) fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(name.as_bytes())
    }

    /// The message or enum with a full name.
    pub(crate) fn find(&self, name: &Bytes) -> Result<Option<DeclaredType>, String> {
        let Some(place) = self.types.get(name) else { return Ok(None) };
        let comment_at = |path: &Path| place.comments.get(path).cloned().unwrap_or_default();
        let member = if place.is_enum { ENUM_VALUE } else { MESSAGE_FIELD };
        let mut found = DeclaredType {
            name: name.clone(),
            declaration: Vec::with_capacity(place.bytes.len()),
            comments: vec![comment_at(&place.path)],
            uses: Vec::new(),
        };
        for field in Fields::read(&place.bytes)?.iter() {
            if !place.is_enum && (field.number == MESSAGE_TYPES.0 || field.number == MESSAGE_TYPES.1) {
                continue;
            }
            found.declaration.extend_from_slice(&field.raw);
            let Some(content) = field.content().filter(|_| field.number == member) else { continue };
            found.comments.push(comment_at(&inside(&place.path, member, found.comments.len() - 1)));
            let used = Fields::read(content)?.text(FIELD_TYPE_NAME);
            if !place.is_enum && !used.is_empty() {
                found.uses.push(without_dot(&used));
            }
        }
        Ok(Some(found))
    }

    fn add_file(&mut self, file: &Bytes) -> Result<(), String> {
        let fields = Fields::read(file)?;
        let name = fields.text(FILE_NAME);
        if !self.files.insert(name.clone()) {
            return Err(twice(&name));
        }
        let prefix = fields.text(FILE_PACKAGE);
        let comments = Arc::new(read_comments(&fields.message(FILE_SOURCE_INFO))?);
        self.add_types(&comments, &fields, &Path::new(), &prefix, FILE_TYPES)?;
        for (index, service) in fields.contents(FILE_SERVICE).enumerate() {
            self.add_methods(&comments, service, &inside(&Path::new(), FILE_SERVICE, index), &prefix)?;
        }
        Ok(())
    }

    /// Adds the types that a file or a message contains, with those inside them.
    fn add_types(
        &mut self,
        comments: &Arc<Comments>,
        outer: &Fields,
        outer_path: &Path,
        prefix: &Bytes,
        (message, enumeration): (u32, u32),
    ) -> Result<(), String> {
        for number in [message, enumeration] {
            for (index, bytes) in outer.contents(number).enumerate() {
                let fields = Fields::read(bytes)?;
                let name = joined(prefix, &fields.text(NAME));
                let path = inside(outer_path, number, index);
                let is_enum = number == enumeration;
                let place = Place { comments: comments.clone(), path: path.clone(), bytes: bytes.clone(), is_enum };
                if self.types.insert(name.clone(), place).is_some() {
                    return Err(twice(&name));
                }
                if path.len() > PATH_MOST {
                    return Err(format!("the types are nested too deep at {}", String::from_utf8_lossy(&name)));
                }
                if !is_enum {
                    self.add_types(comments, &fields, &path, &name, MESSAGE_TYPES)?;
                }
            }
        }
        Ok(())
    }

    fn add_methods(&mut self, comments: &Comments, service: &Bytes, path: &Path, prefix: &Bytes) -> Result<(), String> {
        let service = Fields::read(service)?;
        let prefix = joined(prefix, &service.text(NAME));
        for (index, method) in service.contents(SERVICE_METHOD).enumerate() {
            let fields = Fields::read(method)?;
            let name = joined(&prefix, &fields.text(NAME));
            let comment = comments.get(&inside(path, SERVICE_METHOD, index)).cloned().unwrap_or_default();
            if self.methods.insert(name.clone(), Method { fields, comment }).is_some() {
                return Err(twice(&name));
            }
        }
        Ok(())
    }
}

/// A name without the dot in front.
pub(crate) fn without_dot(name: &Bytes) -> Bytes {
    if name.starts_with(b".") { name.slice(1..) } else { name.clone() }
}

/// The comments of a `SourceCodeInfo` by the paths of their declarations.
fn read_comments(source_info: &Bytes) -> Result<Comments, String> {
    let mut comments = Comments::new();
    for location in Fields::read(source_info)?.contents(LOCATION) {
        let fields = Fields::read(location)?;
        let leading = fields.text(LOCATION_LEADING);
        let text = if leading.is_empty() { fields.text(LOCATION_TRAILING) } else { leading };
        let comment = paragraphs(&text);
        if !comment.is_empty() {
            comments.entry(fields.varints(LOCATION_PATH)?).or_insert(comment);
        }
    }
    Ok(comments)
}

/// Joins the lines of each paragraph by a space, and the paragraphs by a line break.
fn paragraphs(text: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    let mut separator: &[u8] = b"";
    for line in text.split(|&byte| byte == b'\n') {
        let line = stripped(line);
        if !line.is_empty() {
            made.extend_from_slice(separator);
            made.extend_from_slice(line);
            separator = b" ";
        } else if !made.is_empty() {
            separator = b"\n";
        }
    }
    made
}

/// Only ASCII blanks count, so that every language finds the same text.
fn stripped(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r');
    let start = line.iter().position(is_text).unwrap_or(line.len());
    let end = line.iter().rposition(is_text).map_or(start, |last| last + 1);
    &line[start..end]
}

fn inside(path: &Path, number: u32, index: usize) -> Path {
    let mut path = path.clone();
    path.extend([u64::from(number), index as u64]);
    path
}

fn joined(prefix: &Bytes, name: &Bytes) -> Bytes {
    if prefix.is_empty() { name.clone() } else { [prefix, b".".as_slice(), name].concat().into() }
}

fn twice(name: &Bytes) -> String {
    format!("{} is declared twice", String::from_utf8_lossy(name))
}
