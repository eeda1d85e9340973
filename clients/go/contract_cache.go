package sealwire

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
)

const (
	// contractRefreshAge is the age from which a call of a known method fetches the contract again, without waiting for it.
	contractRefreshAge = 10 * time.Second
	// contractRecentAge is the age from which an unknown method waits for a newer contract.
	contractRecentAge = time.Second
)

// contractCache holds the server's current contract. It is fetched again while it is used, so that new tools need no
// restart.
type contractCache struct {
	known atomic.Pointer[knownContract]
	// withDescriptors is true once a definition is pinned.
	withDescriptors atomic.Bool

	mu      sync.Mutex
	pending *contractFetch
}

type knownContract struct {
	*contract
	fetchedAt time.Time
}

// contractFetch is a fetch that several callers wait for. It is cancelled when none is left.
type contractFetch struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	result  *contract
	err     error
}

// findPath returns the tool behind a gRPC path. The error is UNIMPLEMENTED if the server offers no such tool, and that of
// the fetch if it is not known whether it does.
func (c *caller) findPath(ctx context.Context, conn connection, path string) (*tool, error) {
	if found := systemTools.byPath[path]; found != nil {
		return found, nil
	}
	current, found, err := c.find(ctx, conn, func(k *contract) *tool { return k.byPath[path] })
	if err == nil && found == nil {
		err = current.notOffered(path)
	}
	return found, err
}

// findName returns the tool of this name, or nil if the server offers no such tool.
func (c *caller) findName(ctx context.Context, conn connection, name string) (*tool, error) {
	if found := systemTools.byName[name]; found != nil {
		return found, nil
	}
	_, found, err := c.find(ctx, conn, func(k *contract) *tool { return k.byName[name] })
	return found, err
}

func (c *caller) find(ctx context.Context, conn connection, look func(*contract) *tool) (*contract, *tool, error) {
	if err := c.checkDefinitionDigest(ctx); err != nil {
		return nil, nil, err
	}
	known := c.contracts.known.Load()
	if known != nil {
		age := time.Since(known.fetchedAt)
		found := look(known.contract)
		isUsable := found != nil && c.accepts(ctx, found)
		if isUsable && age > contractRefreshAge {
			c.refreshContract(conn)
		}
		if isUsable || age < contractRecentAge && c.contracts.isComplete(known.contract) {
			return known.contract, found, nil
		}
	}
	current, err := c.freshContract(ctx, conn)
	if err == nil && !c.contracts.isComplete(current) {
		// The fetch had begun before the first definition was pinned.
		current, err = c.freshContract(ctx, conn)
	}
	if err != nil {
		return nil, nil, err
	}
	return current, look(current), nil
}

// isComplete reports whether a contract has all that is asked for: definitions need the descriptors.
func (cache *contractCache) isComplete(k *contract) bool {
	return k.hasDescriptors || !cache.withDescriptors.Load()
}

// accepts reports whether the definition of a tool is the pinned one, so that no newer contract is needed.
func (c *caller) accepts(ctx context.Context, t *tool) bool {
	_, failed := t.digestToSend(c.pinOf(ctx, t.name))
	return failed == nil
}

// freshContract fetches the contract. Concurrent callers share one fetch.
func (c *caller) freshContract(ctx context.Context, conn connection) (*contract, error) {
	cache := &c.contracts
	cache.mu.Lock()
	fetch := c.beginFetch(conn)
	fetch.waiters++
	cache.mu.Unlock()
	defer func() {
		cache.mu.Lock()
		defer cache.mu.Unlock()
		if fetch.waiters--; fetch.waiters == 0 {
			fetch.cancel()
			if cache.pending == fetch {
				cache.pending = nil
			}
		}
	}()
	select {
	case <-fetch.done:
		return fetch.result, fetch.err
	case <-ctx.Done():
		return nil, callFacts{repeatable: true}.failed(endedBy(ctx.Err(), "the call has not begun"))
	}
}

// refreshContract fetches the contract without waiting for it.
func (c *caller) refreshContract(conn connection) {
	cache := &c.contracts
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.pending != nil {
		return
	}
	fetch := c.beginFetch(conn)
	fetch.waiters++ // Nobody leaves it.
}

// beginFetch returns the running fetch, or starts one. The cache is locked.
func (c *caller) beginFetch(conn connection) *contractFetch {
	cache := &c.contracts
	if cache.pending != nil {
		return cache.pending
	}
	// The time-out of the client bounds the fetch, as it does every call.
	ctx, cancel := context.WithCancel(context.Background())
	fetch := &contractFetch{done: make(chan struct{}), cancel: cancel}
	cache.pending = fetch
	go func() {
		defer cancel()
		fetch.result, fetch.err = c.fetchContract(ctx, conn)
		cache.mu.Lock()
		if fetch.err == nil {
			cache.known.Store(&knownContract{fetch.result, time.Now()})
		} else if c.logger != nil && cache.known.Load() != nil {
			c.logger.Warn("the server's contract could not be fetched", "error", fetch.err)
		}
		if cache.pending == fetch {
			cache.pending = nil
		}
		cache.mu.Unlock()
		close(fetch.done)
	}()
	return fetch
}

func (c *caller) fetchContract(ctx context.Context, conn connection) (*contract, error) {
	response := &systemv1.ListToolsResponse{}
	request := &systemv1.ListToolsRequest{IncludeDescriptors: c.contracts.withDescriptors.Load()}
	if err := c.callSystem(ctx, conn, "list_tools", request, response); err != nil {
		return nil, err
	}
	return readContract(response), nil
}

// callSystem calls a system tool, and reads its result.
func (c *caller) callSystem(ctx context.Context, conn connection, name string, args, result proto.Message) error {
	t := systemTools.byName[name]
	encoded, err := proto.Marshal(args)
	if err != nil {
		return err
	}
	limit, cancel := c.limit(ctx)
	defer cancel()
	r := &request{tool: name, argsURL: t.argsURL, args: encoded, resultType: t.resultType, requestID: newRequestID()}
	facts := callFacts{tool: name, repeatable: true, requestID: r.requestID}
	response, failed := c.call(limit, conn, r, sortOptions(nil))
	if failed != nil {
		return facts.failed(failed)
	}
	return facts.readResult(response, result)
}
