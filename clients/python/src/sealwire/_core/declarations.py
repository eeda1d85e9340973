"""The declarations in a descriptor set, with their bytes as they are (docs/protocol.md, Tool definitions)."""

from dataclasses import dataclass

from sealwire._core.wire_format import fields_of, last_content, message_in, varints_of

Path = tuple[int, ...]

# Numbers of fields in descriptor.proto, of which the paths in source_code_info consist, too.
_SET_FILE = 1
_FILE_NAME, _FILE_PACKAGE, _FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE, _FILE_SOURCE_INFO = 1, 2, 4, 5, 6, 9
_MESSAGE_FIELD, _MESSAGE_MESSAGE, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE, _SERVICE_METHOD = 2, 2
_NAME, _FIELD_TYPE_NAME = 1, 6
_LOCATION, _LOCATION_PATH, _LOCATION_LEADING, _LOCATION_TRAILING = 1, 1, 3, 4
# Two numbers for each of the 100 levels that messages of protobuf have at most.
_MAX_PATH = 200
_BLANKS = b" \t\v\f\r"


@dataclass(frozen=True, slots=True)
class _File:
    """A file, and the comments in it by the paths of their declarations."""

    comments: dict[Path, bytes]


@dataclass(frozen=True, slots=True)
class _Type:
    file: _File
    path: Path
    data: bytes
    is_enum: bool


@dataclass(frozen=True, slots=True)
class Method:
    """A method as its file declares it."""

    data: bytes
    """The serialized MethodDescriptorProto."""
    comment: bytes


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A message or an enum as its file declares it."""

    name: bytes
    declaration: bytes
    """The serialized descriptor without the types that it contains."""
    comments: list[bytes]
    """The comment of the type, then of each field or value; empty where there is none."""
    uses: list[bytes]
    """The full names of the types of its fields."""


class Declarations:
    """The methods and types of a serialized FileDescriptorSet by their full names."""

    def __init__(self, descriptor_set: bytes) -> None:
        """Raises ValueError if the bytes are no descriptor set, or if it declares something twice."""
        self._files: set[bytes] = set()
        self._types: dict[bytes, _Type] = {}
        self._methods: dict[bytes, Method] = {}
        for each in fields_of(descriptor_set):
            if each.number == _SET_FILE and each.content is not None:
                self._add_file(each.content)

    def method(self, name: bytes) -> Method | None:
        """The method with a full name, such as b"greet.v1.GreetToolService.Greet"."""
        return self._methods.get(name)

    def type(self, name: bytes) -> DeclaredType | None:
        """The message or enum with a full name."""
        found = self._types.get(name)
        if found is None:
            return None
        member = _ENUM_VALUE if found.is_enum else _MESSAGE_FIELD
        declaration: list[bytes] = []
        uses: list[bytes] = []
        members: list[bytes] = []
        for each in fields_of(found.data):
            if not found.is_enum and each.number in (_MESSAGE_MESSAGE, _MESSAGE_ENUM):
                continue
            declaration.append(each.raw)
            if each.number != member or each.content is None:
                continue
            members.append(found.file.comments.get((*found.path, member, len(members)), b""))
            used = b"" if found.is_enum else last_content(each.content, _FIELD_TYPE_NAME)
            if used:
                uses.append(used.removeprefix(b"."))
        comments = [found.file.comments.get(found.path, b""), *members]
        return DeclaredType(name, b"".join(declaration), comments, uses)

    def _add_file(self, data: bytes) -> None:
        name = last_content(data, _FILE_NAME)
        if name in self._files:
            raise ValueError(f"{_text(name)} is there twice")
        self._files.add(name)
        package = last_content(data, _FILE_PACKAGE)
        file = _File(_comments_of(message_in(data, _FILE_SOURCE_INFO)))
        self._add_types(_Type(file, (), data, is_enum=False), package, _FILE_MESSAGE, _FILE_ENUM)
        services = [
            each.content for each in fields_of(data) if each.number == _FILE_SERVICE and each.content is not None
        ]
        for index, service in enumerate(services):
            self._add_methods(file, service, index, _joined(package, last_content(service, _NAME)))

    def _add_types(self, place: _Type, prefix: bytes, message: int, enum: int) -> None:
        counts = {message: 0, enum: 0}
        for each in fields_of(place.data):
            if each.content is None or each.number not in counts:
                continue
            path = (*place.path, each.number, counts[each.number])
            counts[each.number] += 1
            if len(path) > _MAX_PATH:
                raise ValueError("the types are nested too deep")
            name = _joined(prefix, last_content(each.content, _NAME))
            if name in self._types:
                raise ValueError(f"{_text(name)} is declared twice")
            found = self._types[name] = _Type(place.file, path, each.content, is_enum=each.number == enum)
            if not found.is_enum:
                self._add_types(found, name, _MESSAGE_MESSAGE, _MESSAGE_ENUM)

    def _add_methods(self, file: _File, service: bytes, index: int, prefix: bytes) -> None:
        count = 0
        for each in fields_of(service):
            if each.number != _SERVICE_METHOD or each.content is None:
                continue
            name = _joined(prefix, last_content(each.content, _NAME))
            if name in self._methods:
                raise ValueError(f"{_text(name)} is declared twice")
            comment = file.comments.get((_FILE_SERVICE, index, _SERVICE_METHOD, count), b"")
            self._methods[name] = Method(each.content, comment)
            count += 1


def _comments_of(source_info: bytes) -> dict[Path, bytes]:
    comments: dict[Path, bytes] = {}
    for each in fields_of(source_info):
        if each.number != _LOCATION or each.content is None:
            continue
        location = each.content
        text = last_content(location, _LOCATION_LEADING) or last_content(location, _LOCATION_TRAILING)
        comment = _paragraphs(text)
        if comment:
            path = [
                value for part in fields_of(location) if part.number == _LOCATION_PATH for value in varints_of(part)
            ]
            comments.setdefault(tuple(path), comment)
    return comments


def _paragraphs(text: bytes) -> bytes:
    """Joins the lines of each paragraph by a space, and the paragraphs by a line break."""
    paragraphs: list[list[bytes]] = [[]]
    for line in text.split(b"\n"):
        stripped = line.strip(_BLANKS)
        if stripped:
            paragraphs[-1].append(stripped)
        else:
            paragraphs.append([])
    return b"\n".join(b" ".join(lines) for lines in paragraphs if lines)


def _joined(prefix: bytes, name: bytes) -> bytes:
    return prefix + b"." + name if prefix else name


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
