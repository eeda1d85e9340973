package main

import (
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	interopv1 "sealwire.dev/agent/gen/interop/v1"
)

// deepest is how deep values are nested.
const deepest = 5

var (
	words = []string{
		"", "a", "ab", "__proto__", "constructor", "é", "e\u0301", "😈", "\U00010000", "\uffff", "\x00", "\t\r\n", "0", "ﬁ", "ß", "𝄞é",
	}
	numbers = []float64{
		0, math.Copysign(0, -1), 1, -1.5, math.SmallestNonzeroFloat64, math.MaxFloat64, 1<<53 + 2, 0.1, 1e21,
	}
)

type random struct{ *rand.Rand }

// randomEcho makes a request of values that encoders are known to differ in.
func randomEcho(source *rand.Rand) *interopv1.EchoRequest { return random{source}.request() }

func (r random) request() *interopv1.EchoRequest {
	request := &interopv1.EchoRequest{
		Payload: r.object(0),
		Text:    r.text(),
		Number:  pick(r, 0, -1, math.MaxInt64, math.MinInt64, r.Int64()),
		Ratio:   pick(r, append(numbers, math.NaN(), math.Inf(1))...),
		Data:    make([]byte, r.IntN(64)),
		Names:   map[int64]string{},
	}
	for index := range request.Data {
		request.Data[index] = byte(r.Uint32())
	}
	for range r.IntN(5) {
		request.Deltas = append(request.Deltas, int32(r.Uint32()))
	}
	for range r.IntN(8) {
		request.Names[int64(r.Uint64())] = r.text()
	}
	return request
}

func (r random) object(depth int) *structpb.Struct {
	size := r.IntN(4)
	if depth == 0 {
		size = pick(r, 0, 1, 3, 10, 40)
	}
	object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for range size {
		object.Fields[r.text()] = r.value(depth + 1)
	}
	return object
}

func (r random) value(depth int) *structpb.Value {
	kinds := 6
	if depth >= deepest {
		kinds = 4
	}
	switch r.IntN(kinds) {
	case 0:
		return structpb.NewNullValue()
	case 1:
		return structpb.NewBoolValue(r.IntN(2) == 0)
	case 2:
		return structpb.NewNumberValue(pick(r, append(numbers, r.NormFloat64()*1e9)...))
	case 3:
		return structpb.NewStringValue(r.text())
	case 4:
		list := &structpb.ListValue{}
		for range r.IntN(4) {
			list.Values = append(list.Values, r.value(depth+1))
		}
		return structpb.NewListValue(list)
	default:
		return structpb.NewStructValue(r.object(depth))
	}
}

func (r random) text() string {
	var text strings.Builder
	for range r.IntN(4) + 1 {
		switch r.IntN(3) {
		case 0:
			text.WriteString(pick(r, words...))
		case 1:
			text.WriteRune(rune(0x20 + r.IntN(0xd800-0x20)))
		default:
			text.WriteRune(rune(0x10000 + r.IntN(0x100000)))
		}
	}
	return text.String()
}

func pick[T any](r random, choices ...T) T {
	return choices[r.IntN(len(choices))]
}
