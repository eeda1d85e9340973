package sealwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of fields in google/protobuf/descriptor.proto, of which the paths in source_code_info consist, too.
const (
	setFile          = 1
	fileName         = 1
	filePackage      = 2
	fileMessage      = 4
	fileEnum         = 5
	fileService      = 6
	fileSourceInfo   = 9
	messageField     = 2
	messageMessage   = 3
	messageEnum      = 4
	enumValue        = 2
	serviceMethod    = 2
	declarationName  = 1
	fieldTypeName    = 6
	sourceLocation   = 1
	locationPath     = 1
	locationLeading  = 3
	locationTrailing = 4
)

// pathMax is the length of the longest path: two numbers of four bytes for each of the 100 levels that messages of
// protobuf have at most elsewhere.
const pathMax = 100 * 2 * 4

// blanks are cut from both ends of each line of a comment.
const blanks = " \t\v\f\r"

// declarations are the methods and types of a serialized FileDescriptorSet by their full names, with their bytes as they
// are (docs/protocol.md, Tool definitions).
type declarations struct {
	files   map[string]bool
	types   map[string]*typePlace
	methods map[string]*declaredMethod
}

// declaredMethod is a method as its file declares it.
type declaredMethod struct {
	// bytes is the serialized MethodDescriptorProto.
	bytes   []byte
	comment string
}

// declaredType is a message or an enum as its file declares it.
type declaredType struct {
	name string
	// declaration is the serialized descriptor without the types that it contains.
	declaration []byte
	// comments has the comment of the type, then of each field or value; empty where there is none.
	comments []string
	// uses has the full names of the types of its fields.
	uses []string
}

// typePlace is where a type is declared.
type typePlace struct {
	comments map[string]string
	path     string
	bytes    []byte
	isEnum   bool
}

// readDeclarations reads a descriptor set. A file or a type that is there twice is an error.
func readDeclarations(descriptorSet []byte) (*declarations, error) {
	d := &declarations{files: map[string]bool{}, types: map[string]*typePlace{}, methods: map[string]*declaredMethod{}}
	fields, err := wireFields(descriptorSet)
	if err != nil {
		return nil, err
	}
	for _, each := range fields {
		if each.number == setFile && each.content != nil {
			if err := d.addFile(each.content); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func (d *declarations) addFile(file []byte) error {
	fields, err := wireFields(file)
	if err != nil {
		return err
	}
	name, prefix := fields.text(fileName), fields.text(filePackage)
	if d.files[name] {
		return fmt.Errorf("%s is there twice", name)
	}
	d.files[name] = true
	comments, err := readComments(fields.message(fileSourceInfo))
	if err != nil {
		return err
	}
	if err := d.addTypes(&typePlace{comments: comments, bytes: file}, prefix, fileMessage, fileEnum); err != nil {
		return err
	}
	services := 0
	for _, each := range fields {
		if each.number == fileService && each.content != nil {
			if err := d.addMethods(comments, each.content, appendPath("", fileService, services), prefix); err != nil {
				return err
			}
			services++
		}
	}
	return nil
}

// addTypes adds the types that a file or a message contains, with those inside them.
func (d *declarations) addTypes(place *typePlace, prefix string, message, enum protowire.Number) error {
	fields, err := wireFields(place.bytes)
	if err != nil {
		return err
	}
	counts := map[protowire.Number]int{}
	for _, each := range fields {
		if each.content == nil || each.number != message && each.number != enum {
			continue
		}
		path := appendPath(place.path, int(each.number), counts[each.number])
		counts[each.number]++
		if len(path) > pathMax {
			return errors.New("the types are nested too deep")
		}
		inner, err := wireFields(each.content)
		if err != nil {
			return err
		}
		name := joinNames(prefix, inner.text(declarationName))
		if d.types[name] != nil {
			return fmt.Errorf("%s is declared twice", name)
		}
		found := &typePlace{comments: place.comments, path: path, bytes: each.content, isEnum: each.number == enum}
		d.types[name] = found
		if found.isEnum {
			continue
		}
		if err := d.addTypes(found, name, messageMessage, messageEnum); err != nil {
			return err
		}
	}
	return nil
}

func (d *declarations) addMethods(comments map[string]string, service []byte, path, prefix string) error {
	fields, err := wireFields(service)
	if err != nil {
		return err
	}
	prefix = joinNames(prefix, fields.text(declarationName))
	count := 0
	for _, each := range fields {
		if each.number != serviceMethod || each.content == nil {
			continue
		}
		inner, err := wireFields(each.content)
		if err != nil {
			return err
		}
		name := joinNames(prefix, inner.text(declarationName))
		if d.methods[name] != nil {
			return fmt.Errorf("%s is declared twice", name)
		}
		d.methods[name] = &declaredMethod{each.content, comments[appendPath(path, serviceMethod, count)]}
		count++
	}
	return nil
}

// find returns the type with a full name, or nil.
func (d *declarations) find(name string) (*declaredType, error) {
	place := d.types[name]
	if place == nil {
		return nil, nil
	}
	fields, err := wireFields(place.bytes)
	if err != nil {
		return nil, err
	}
	found := &declaredType{name: name, comments: []string{place.comments[place.path]}}
	member := protowire.Number(messageField)
	if place.isEnum {
		member = enumValue
	}
	for _, each := range fields {
		if !place.isEnum && (each.number == messageMessage || each.number == messageEnum) {
			continue
		}
		found.declaration = append(found.declaration, each.raw...)
		if each.number != member || each.content == nil {
			continue
		}
		path := appendPath(place.path, int(member), len(found.comments)-1)
		found.comments = append(found.comments, place.comments[path])
		inner, err := wireFields(each.content)
		if err != nil {
			return nil, err
		}
		if used := inner.text(fieldTypeName); used != "" && !place.isEnum {
			found.uses = append(found.uses, strings.TrimPrefix(used, "."))
		}
	}
	return found, nil
}

// readComments returns the comments of a SourceCodeInfo by the paths of their declarations.
func readComments(sourceInfo []byte) (map[string]string, error) {
	comments := map[string]string{}
	locations, err := wireFields(sourceInfo)
	if err != nil {
		return nil, err
	}
	for _, location := range locations {
		if location.number != sourceLocation || location.content == nil {
			continue
		}
		fields, err := wireFields(location.content)
		if err != nil {
			return nil, err
		}
		text := fields.text(locationLeading)
		if text == "" {
			text = fields.text(locationTrailing)
		}
		comment := toParagraphs(text)
		if comment == "" {
			continue
		}
		path := ""
		for _, number := range fields.varints(locationPath) {
			path = appendPath(path, int(number))
		}
		if _, known := comments[path]; !known {
			comments[path] = comment
		}
	}
	return comments, nil
}

// toParagraphs joins the lines of each paragraph by a space, and the paragraphs by a line break.
func toParagraphs(text string) string {
	var paragraphs []string
	isOpen := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Trim(line, blanks)
		switch {
		case line == "":
			isOpen = false
		case isOpen:
			paragraphs[len(paragraphs)-1] += " " + line
		default:
			paragraphs = append(paragraphs, line)
			isOpen = true
		}
	}
	return strings.Join(paragraphs, "\n")
}

// appendPath appends numbers to a path of declarations, which is the key of a map.
func appendPath(path string, numbers ...int) string {
	made := []byte(path)
	for _, number := range numbers {
		made = binary.BigEndian.AppendUint32(made, uint32(number))
	}
	return string(made)
}

func joinNames(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
