module sealwire.dev/agent

go 1.24.0

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.6-20250613105001-9f2d3c737feb.1
	google.golang.org/genproto/googleapis/rpc v0.0.0-20250102185135-69823020774d
	google.golang.org/grpc v1.67.0
	google.golang.org/protobuf v1.36.6
	sealwire.dev/sealwire v0.2.0
)

require (
	golang.org/x/net v0.28.0 // indirect
	golang.org/x/sys v0.24.0 // indirect
	golang.org/x/text v0.17.0 // indirect
)

replace sealwire.dev/sealwire => ../../../clients/go
