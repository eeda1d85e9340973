package main

import (
	"bytes"
	"crypto/sha256"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	// The types that the messages of canonical.json use.
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	"example.com/sealwire-client/sealwire"
)

type canonicalFile struct {
	DescriptorSet hexBytes
	Cases         []struct {
		ID           int
		Type         protoreflect.FullName
		Bytes        hexBytes
		Canonical    *hexBytes
		IntentDigest hexBytes
	}
}

func (c *checker) canonical(file canonicalFile) error {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(file.DescriptorSet, set); err != nil {
		return err
	}
	for _, each := range set.File {
		described, err := protodesc.NewFile(each, protoregistry.GlobalFiles)
		if err != nil {
			return err
		}
		if err := protoregistry.GlobalFiles.RegisterFile(described); err != nil {
			return err
		}
	}
	for _, each := range file.Cases {
		if each.Canonical == nil {
			continue
		}
		described, err := protoregistry.GlobalFiles.FindDescriptorByName(each.Type)
		if err != nil {
			return err
		}
		message := dynamicpb.NewMessage(described.(protoreflect.MessageDescriptor))
		if err := proto.Unmarshal(each.Bytes, message); err != nil {
			return err
		}
		form, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return err
		}
		digest := sha256.Sum256(sealwire.PAE([]byte("intent"), []byte("sample"), *each.Canonical))
		c.check(each.ID, map[string]bool{
			"canonical":     bytes.Equal(form, *each.Canonical),
			"intent_digest": bytes.Equal(digest[:], each.IntentDigest),
		})
	}
	return nil
}
