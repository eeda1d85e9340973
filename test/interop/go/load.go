package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	interopv1 "sealwire.dev/agent/gen/interop/v1"
	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
)

// problemsMax is how many problems a command tells.
const problemsMax = 3

// repeat calls a function so often, some at a time, and counts how often it returns no error.
func repeat(count, concurrency int, tell func(fields), do func(index int) error) int {
	var next, fine, told atomic.Int64
	var workers sync.WaitGroup
	for range max(1, min(count, concurrency)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for index := next.Add(1); index <= int64(count); index = next.Add(1) {
				err := do(int(index))
				if err == nil {
					fine.Add(1)
				} else if told.Add(1) <= problemsMax {
					tell(fields{"problem": err.Error()})
				}
			}
		}()
	}
	workers.Wait()
	return int(fine.Load())
}

func (a *agent) many(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	stub := demov1.NewDemoToolServiceClient(open.conn)
	equal := repeat(c.Count, c.Concurrency, tell, func(index int) error {
		response, err := stub.BatchSum(ctx, &demov1.BatchSumRequest{Numbers: []float64{float64(index), 1}})
		if err == nil && (response.Total != float64(index)+1 || response.Count != 2) {
			err = fmt.Errorf("the sum of %d and 1 is said to be %v", index, response.Total)
		}
		return err
	})
	return fields{"equal": equal}, nil
}

func (a *agent) random(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	const atATime = 16
	stub := interopv1.NewInteropToolServiceClient(open.conn)
	equal := repeat(c.Count, atATime, tell, func(index int) error {
		request := randomEcho(rand.New(rand.NewPCG(c.Seed, uint64(index))))
		response, err := stub.Echo(ctx, request)
		if err != nil {
			return err
		}
		// Both messages have the same fields, so their deterministic encodings are the same, too.
		encode := proto.MarshalOptions{Deterministic: true}.Marshal
		sent, _ := encode(request)
		came, _ := encode(response)
		if string(sent) != string(came) {
			return fmt.Errorf("message %d came back changed", index)
		}
		return nil
	})
	return fields{"equal": equal}, nil
}

func (a *agent) watches(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	const atATime = 50
	left := repeat(c.Count, atATime, tell, func(int) error {
		for _, err := range client.Job(c.JobID).Watch(ctx, 0) {
			return err
		}
		return fmt.Errorf("a watch ended without a state")
	})
	return fields{"left": left}, nil
}

func (a *agent) resources(context.Context, *command, func(fields)) (fields, error) {
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	answer := fields{"memoryBytes": memory.HeapInuse + memory.StackInuse, "tasks": runtime.NumGoroutine()}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		answer["files"] = len(open)
	}
	if threads, err := os.ReadDir("/proc/self/task"); err == nil {
		answer["threads"] = len(threads)
	}
	return answer, nil
}

func (a *agent) measure(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	stub := demov1.NewDemoToolServiceClient(open.conn)
	calls := func(count int) error {
		for range count {
			if _, err := stub.BatchSum(ctx, &demov1.BatchSumRequest{Numbers: []float64{1, 2, 3.5}}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := calls(c.Count / 10); err != nil {
		return nil, err
	}
	cpu, began := processorTime(), time.Now()
	if err := calls(c.Count); err != nil {
		return nil, err
	}
	return fields{"cpuSeconds": processorTime() - cpu, "seconds": time.Since(began).Seconds()}, nil
}

func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
