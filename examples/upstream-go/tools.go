package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	archivepb "example.com/sealwire-upstream/gen/archive/v1"
	sealwirepb "example.com/sealwire-upstream/gen/sealwire/v1"
)

const longestPause = time.Minute

// Archive has the tools. It is an ordinary server, which knows nothing of Sealwire but the idempotency key in the metadata.
// Sealwire has checked the rules of the contract before it calls; they are checked here again for other callers.
type Archive struct {
	archivepb.UnimplementedArchiveToolServiceServer
	notes            *Notes
	pauseAfterEffect time.Duration
}

// AddNote adds a note once for each idempotency key.
func (a *Archive) AddNote(ctx context.Context, request *archivepb.AddNoteRequest) (*archivepb.AddNoteResponse, error) {
	if length := utf8.RuneCountInString(request.Text); length < 1 || length > 1000 {
		return nil, status.Error(codes.InvalidArgument, "text: must have 1 to 1,000 characters")
	}
	number, err := a.notes.Add(request.Text, CallOf(ctx, "AddNote").Key)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, a.pauseAfterEffect); err != nil {
		return nil, err
	}
	return &archivepb.AddNoteResponse{Number: number}, nil
}

// CountWords waits and counts.
func (a *Archive) CountWords(ctx context.Context, request *archivepb.CountWordsRequest) (*archivepb.CountWordsResponse, error) {
	if utf8.RuneCountInString(request.Text) > 10_000 {
		return nil, status.Error(codes.InvalidArgument, "text: must have 10,000 characters at most")
	}
	pause, err := pauseOf(request.Pause)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, pause); err != nil {
		return nil, err
	}
	return &archivepb.CountWordsResponse{Words: int64(len(strings.Fields(request.Text)))}, nil
}

// HashPages hashes one page after the other.
func (a *Archive) HashPages(request *archivepb.HashPagesRequest, stream grpc.ServerStreamingServer[archivepb.HashPagesResponse]) error {
	if request.Pages < 1 || request.Pages > 10_000 {
		return status.Error(codes.InvalidArgument, "pages: must be 1 to 10,000")
	}
	pause, err := pauseOf(request.Pause)
	if err != nil {
		return err
	}
	hash := sha256.New()
	for page := int64(1); page <= int64(request.Pages); page++ {
		if err := sleep(stream.Context(), pause); err != nil {
			return err
		}
		fmt.Fprintf(hash, "page %d\n", page)
		progress := &sealwirepb.JobProgress{Completed: page, Total: int64(request.Pages), Message: fmt.Sprintf("page %d", page)}
		step := &archivepb.HashPagesResponse_Progress{Progress: progress}
		if err := stream.Send(&archivepb.HashPagesResponse{Step: step}); err != nil {
			return err
		}
	}
	step := &archivepb.HashPagesResponse_Sha256{Sha256: hex.EncodeToString(hash.Sum(nil))}
	return stream.Send(&archivepb.HashPagesResponse{Step: step})
}

func pauseOf(pause *durationpb.Duration) (time.Duration, error) {
	duration := pause.AsDuration()
	if duration < 0 || duration > longestPause {
		return 0, status.Errorf(codes.InvalidArgument, "pause: must be 0 to %d seconds", longestPause/time.Second)
	}
	return duration, nil
}

// sleep waits for the duration, or returns the status of a call that is cancelled or late.
func sleep(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(duration):
		return nil
	}
}
