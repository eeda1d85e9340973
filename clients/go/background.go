package sealwire

import (
	"sync"
	"time"
)

// background counts what goes on after the call that began it.
type background struct {
	mu   sync.Mutex
	open int
	idle chan struct{}
}

func (b *background) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
}

func (b *background) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open--; b.open == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

// wait waits until nothing is open, and at most for the time.
func (b *background) wait(most time.Duration) {
	b.mu.Lock()
	if b.open == 0 {
		b.mu.Unlock()
		return
	}
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	b.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}
