// Command agent uses the Go package as it is told on standard input: see ../AGENT.md. With -interceptors, stubs use a
// connection of grpc.NewClient.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
)

// command is one line of input. Each operation reads its own fields.
type command struct {
	ID int    `json:"id"`
	Op string `json:"op"`

	Channel     string          `json:"channel"`
	Credentials string          `json:"credentials"`
	Environment bool            `json:"environment"`
	Inline      json.RawMessage `json:"inline"`
	Plain       string          `json:"plain"`
	CA          string          `json:"ca"`
	Cert        string          `json:"cert"`
	Key         string          `json:"key"`
	TimeoutMs   int64           `json:"timeoutMs"`

	Pins map[string]string `json:"pins"`

	Method       string            `json:"method"`
	Request      json.RawMessage   `json:"request"`
	Metadata     map[string]string `json:"metadata"`
	Target       int               `json:"target"`
	Tool         string            `json:"tool"`
	RequestType  string            `json:"requestType"`
	ResponseType string            `json:"responseType"`
	RequestID    string            `json:"requestId"`

	JobID         string   `json:"jobId"`
	AfterRevision int64    `json:"afterRevision"`
	States        []string `json:"states"`
	PageSize      int32    `json:"pageSize"`
	Count         int      `json:"count"`
	Concurrency   int      `json:"concurrency"`
	Seed          uint64   `json:"seed"`
}

type fields map[string]any

// operation carries out a command. tell writes an event.
type operation func(ctx context.Context, c *command, tell func(fields)) (fields, error)

type agent struct {
	channels   sync.Map
	operations map[string]operation

	output  sync.Mutex
	running sync.WaitGroup
	mu      sync.Mutex
	cancels map[int]context.CancelFunc
}

var interceptors = flag.Bool("interceptors", false, "use a connection of grpc.NewClient for stubs")

func main() {
	log.SetFlags(0)
	flag.Parse()
	a := &agent{cancels: map[int]context.CancelFunc{}}
	a.operations = map[string]operation{
		"open": a.open, "close": a.closeChannel, "call": a.call, "stop": a.stop, "tool": a.tool, "start": a.start,
		"watch": a.watch, "result": a.result, "state": a.state, "cancelJob": a.cancelJob, "listJobs": a.listJobs,
		"watchJobs": a.watchJobs, "many": a.many, "random": a.random, "watches": a.watches, "resources": a.resources,
		"measure": a.measure,
	}
	const lineMax = 64 << 20
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineMax)
	for lines.Scan() {
		c := &command{}
		if err := json.Unmarshal(lines.Bytes(), c); err != nil {
			log.Fatalf("a line is no command: %v", err)
		}
		a.begin(c)
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	a.running.Wait()
	a.channels.Range(func(_, open any) bool {
		open.(*channel).close()
		return true
	})
}

func (a *agent) begin(c *command) {
	ctx, cancel := context.WithCancel(context.Background())
	a.mu.Lock()
	a.cancels[c.ID] = cancel
	a.mu.Unlock()
	a.running.Add(1)
	go func() {
		defer a.running.Done()
		defer cancel()
		answer, err := a.carryOut(ctx, c)
		a.mu.Lock()
		delete(a.cancels, c.ID)
		a.mu.Unlock()
		if err != nil {
			answer = fields{"failure": err.Error()}
		}
		a.write(c.ID, answer)
	}()
}

func (a *agent) carryOut(ctx context.Context, c *command) (fields, error) {
	carryOut, known := a.operations[c.Op]
	if !known {
		return nil, fmt.Errorf("unknown operation %s", c.Op)
	}
	return carryOut(ctx, c, func(event fields) { a.write(c.ID, fields{"event": event}) })
}

func (a *agent) stop(_ context.Context, c *command, _ func(fields)) (fields, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel := a.cancels[c.Target]; cancel != nil {
		cancel()
	}
	return fields{}, nil
}

func (a *agent) write(id int, line fields) {
	if line == nil {
		line = fields{}
	}
	line["id"] = id
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatalf("an answer cannot be written: %v", err)
	}
	a.output.Lock()
	defer a.output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}
