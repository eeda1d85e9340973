package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"example.com/sealwire-client/gen/frame"
	demopb "example.com/sealwire-client/gen/sealwire/demo/v1"
	"example.com/sealwire-client/sealwire"
)

// The places of the details in a refusal.
const (
	frameDetail = 0
	infoDetail  = 1
)

// refusals changes a server's refusal on its way to the client and prints what the client makes of it.
func refusals(ctx context.Context, client *sealwire.Client) error {
	sent, expected, err := refused(ctx, client)
	if err != nil {
		return err
	}
	another, _, err := refused(ctx, client)
	if err != nil {
		return err
	}
	otherInfo, err := anypb.New(&errdetails.ErrorInfo{Reason: "REPLAYED", Domain: "sealwire"})
	if err != nil {
		return err
	}
	for _, each := range []struct {
		name   string
		change func(*spb.Status)
	}{
		{"as sent", func(*spb.Status) {}},
		{"another code", func(changed *spb.Status) { changed.Code = int32(codes.NotFound) }},
		{"another reason", func(changed *spb.Status) { changed.Details[infoDetail] = otherInfo }},
		{"a flipped bit", func(changed *spb.Status) {
			value := changed.Details[frameDetail].Value
			value[len(value)/2] ^= 1
		}},
		{"the refusal of another attempt", func(changed *spb.Status) { changed.Details = another.Details }},
		{"no frame", func(changed *spb.Status) {
			changed.Details = slices.Delete(changed.Details, frameDetail, frameDetail+1)
		}},
	} {
		changed := proto.CloneOf(sent)
		each.change(changed)
		fmt.Printf("%s: %s\n", each.name, verdict(client, expected, changed))
	}
	return nil
}

func refused(ctx context.Context, client *sealwire.Client) (*spb.Status, *sealwire.Expected, error) {
	args, result := &demopb.BatchSumRequest{}, &demopb.BatchSumResponse{}
	request, expected, err := client.Request(sealwire.CallMethod, "batch_sum", args, result, "same")
	if err != nil {
		return nil, nil, err
	}
	err = client.Conn.Invoke(ctx, sealwire.CallMethod, request, &frame.Frame{})
	return status.Convert(err).Proto(), expected, wantCode(err, codes.InvalidArgument)
}

func verdict(client *sealwire.Client, expected *sealwire.Expected, failure *spb.Status) string {
	response, err := client.Credentials.VerifyRefusal(expected, status.FromProto(failure), 0)
	switch {
	case errors.Is(err, sealwire.ErrUnverified):
		return "unverified"
	case err != nil:
		return err.Error()
	case response == nil:
		return "unsigned"
	default:
		return strings.TrimPrefix(response.Error.Reason.String(), "ERROR_REASON_")
	}
}
