package sealwire

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// wireField is a field of a serialized message.
type wireField struct {
	number protowire.Number
	// raw is all its bytes, the tag included.
	raw []byte
	// content is nil unless the field is length-delimited.
	content []byte
	// varint is nil unless the field is a varint.
	varint *uint64
}

// fieldList is the fields of a serialized message in their order.
type fieldList []wireField

// wireFields reads a serialized message field by field.
func wireFields(data []byte) (fieldList, error) {
	var fields fieldList
	for len(data) > 0 {
		number, kind, tagSize := protowire.ConsumeTag(data)
		if tagSize < 0 {
			return nil, protowire.ParseError(tagSize)
		}
		field := wireField{number: number}
		var size int
		switch kind {
		case protowire.BytesType:
			field.content, size = protowire.ConsumeBytes(data[tagSize:])
			if field.content == nil {
				field.content = []byte{}
			}
		case protowire.VarintType:
			var value uint64
			value, size = protowire.ConsumeVarint(data[tagSize:])
			field.varint = &value
		case protowire.Fixed32Type, protowire.Fixed64Type:
			size = protowire.ConsumeFieldValue(number, kind, data[tagSize:])
		default:
			return nil, errors.New("a field has a wire type that descriptors do not have")
		}
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		field.raw = data[:tagSize+size]
		fields = append(fields, field)
		data = data[tagSize+size:]
	}
	return fields, nil
}

// message returns the message in a singular field: protobuf merges the occurrences of the field. It is empty if the field
// is not set.
func (f fieldList) message(number protowire.Number) []byte {
	var found []byte
	for _, each := range f {
		if each.number == number && each.content != nil {
			found = append(found, each.content...)
		}
	}
	return found
}

// text returns the value of a singular text field; empty if it is not set.
func (f fieldList) text(number protowire.Number) string {
	found := ""
	for _, each := range f {
		if each.number == number && each.content != nil {
			found = string(each.content)
		}
	}
	return found
}

// has reports whether a length-delimited field is set.
func (f fieldList) has(number protowire.Number) bool {
	for _, each := range f {
		if each.number == number && each.content != nil {
			return true
		}
	}
	return false
}

// varints returns the values of a varint field, packed or not.
func (f fieldList) varints(number protowire.Number) []uint64 {
	var values []uint64
	for _, each := range f {
		if each.number != number {
			continue
		}
		if each.varint != nil {
			values = append(values, *each.varint)
		}
		for packed := each.content; len(packed) > 0; {
			value, size := protowire.ConsumeVarint(packed)
			if size < 0 {
				break
			}
			values = append(values, value)
			packed = packed[size:]
		}
	}
	return values
}
