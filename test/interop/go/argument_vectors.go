package main

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

type argumentsFile struct {
	Cases []struct {
		ID   int
		Flag string
		Args struct {
			TypeURL string
			Value   runs
		}
		Violations []struct{ Field, RuleID string }
	}
}

// arguments checks what a client finds before it sends; to be strict with what it gets is the server's affair.
func (c *checker) arguments(file argumentsFile) error {
	for _, each := range file.Cases {
		if each.Flag != "Valid" && each.Flag != "Rule" {
			continue
		}
		kind, err := protoregistry.GlobalTypes.FindMessageByURL(each.Args.TypeURL)
		if err != nil {
			return err
		}
		args := kind.New().Interface()
		if err := proto.Unmarshal(each.Args.Value, args); err != nil {
			return err
		}
		found, err := violationsOf(args)
		if err != nil {
			return err
		}
		var told []string
		for _, violation := range each.Violations {
			told = append(told, violation.Field+" "+violation.RuleID)
		}
		slices.Sort(told)
		c.check(each.ID, map[string]bool{"violations": slices.Equal(found, told)})
	}
	return nil
}
