package sealwire

import (
	"bytes"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// jobMessages are the messages of a streaming job method: its progress reports, and then its output.
type jobMessages struct {
	n     *nativeCall
	watch *watch[*jobAnswer]
	// field is the number of the field that reports progress.
	field  protowire.Number
	sent   []byte
	isOver bool
}

func (m *jobMessages) recv(into proto.Message) error {
	if m.field == 0 {
		field, err := progressField(m.n.tool, into.ProtoReflect().Descriptor())
		if err != nil {
			return err
		}
		m.field = field
	}
	for !m.isOver {
		answer, err := m.watch.recv()
		if err != nil {
			return m.n.failed(err)
		}
		if m.isOver = isTerminal(answer.job.State); m.isOver {
			return m.n.readOutput(answer, into)
		}
		if report := m.report(answer.job); report != nil {
			return m.n.facts.decode(report, into)
		}
	}
	return io.EOF
}

func (m *jobMessages) close() { m.watch.close() }

// report returns the message of a state whose progress differs from the last one sent, otherwise nil.
func (m *jobMessages) report(job *sealwirev1.Job) []byte {
	if job.Progress == nil || job.State != sealwirev1.JobState_JOB_STATE_RUNNING {
		return nil
	}
	encoded := mustMarshal(&sealwirev1.JobProgress{
		Completed: job.Progress.Completed, Total: job.Progress.Total, Message: job.Progress.Message,
	})
	if m.sent != nil && bytes.Equal(encoded, m.sent) {
		return nil
	}
	m.sent = append([]byte{}, encoded...)
	return appendBytes(nil, m.field, encoded)
}

// progressField returns the only field of type sealwire.v1.JobProgress.
func progressField(t *tool, message protoreflect.MessageDescriptor) (protowire.Number, error) {
	var found []protowire.Number
	for index := range message.Fields().Len() {
		field := message.Fields().Get(index)
		if field.Message() != nil && !field.IsList() && field.Message().FullName() == "sealwire.v1.JobProgress" {
			found = append(found, field.Number())
		}
	}
	if len(found) != 1 {
		return 0, notCalled(codes.Internal, reasonInvalid, "%s", fmt.Sprintf(
			"%s is a job that streams its response, so %s must have one field of type sealwire.v1.JobProgress, and has %d",
			t.path, message.FullName(), len(found)))
	}
	return found[0], nil
}
