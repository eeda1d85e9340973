// Package newest links the client with the newest grpc, protobuf and protovalidate. In this folder,
//
//	go test ./... sealwire.dev/sealwire
//
// runs the tests here, and those of the client with these versions. They run in .. with the oldest ones.
package newest
