// Command sealwire-checker checks the client of examples/go: see ../README.md for the commands.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/sealwire-client/sealwire"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: sealwire-checker vectors|echo|refusals|violations|grpc-cases …")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func run(command, path string, rest []string) error {
	if command == "vectors" {
		return checkVectors(path, rest...)
	}
	credentials, err := sealwire.LoadCredentials(path)
	if err != nil {
		return err
	}
	client, err := sealwire.NewClient(credentials, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Conn.Close()
	ctx := context.Background()
	switch command {
	case "echo":
		numbers := make([]uint64, 2)
		for index := range numbers {
			if numbers[index], err = strconv.ParseUint(rest[index], 10, 64); err != nil {
				return err
			}
		}
		return echo(ctx, client, int(numbers[0]), numbers[1])
	case "violations":
		return checkViolations(ctx, client)
	case "refusals":
		return refusals(ctx, client)
	case "grpc-cases":
		return runCases(ctx, client)
	default:
		return fmt.Errorf("unknown command %s", command)
	}
}
