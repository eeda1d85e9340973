module sealwire.dev/agent

go 1.24.0

require (
	google.golang.org/grpc v1.67.0
	google.golang.org/protobuf v1.36.6
	sealwire.dev/sealwire v0.2.0
)

replace sealwire.dev/sealwire => ../../../clients/go
