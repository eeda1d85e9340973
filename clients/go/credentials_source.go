package sealwire

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// CredentialsSource gives credentials that may be replaced while they are in use. It is used by many goroutines.
type CredentialsSource interface {
	// Current returns the credentials for the next attempt. It is called for every attempt.
	Current() *Credentials
	// Renew is called when a server has refused used. It returns true if Current now returns others, with which the call
	// is tried again, at most three times.
	Renew(used *Credentials) bool
}

const (
	// lookInterval is the least time between two looks at the file, unless a server has refused its credentials.
	lookInterval = time.Second
	// settlingTime is the time in which new credentials may be unknown to a server.
	settlingTime = 2 * time.Minute
	// fallbackTime is how long the previous credentials are used again after new ones were refused in that time.
	fallbackTime = 5 * time.Second
)

// CredentialsFile reads a credentials file, and reads it again when it has changed: within a second of use, and before a
// call fails because its key is refused. While servers do not know a new key yet, the previous one is used. A file that
// cannot be used is logged, and the previous credentials stay in use. The connection stays, so a changed address takes
// effect with the next client.
type CredentialsFile struct {
	path   string
	logger *slog.Logger

	mu sync.Mutex
	// used are the credentials in use: the newest, or for a while the ones before.
	used, newest *Credentials
	// before are the previous credentials, until the newest are settled or these are refused.
	before    *Credentials
	settledAt time.Time
	newestAt  time.Time
	seen      os.FileInfo
	lookedAt  time.Time
}

// OpenCredentials reads a credentials file that may be replaced while it is in use. logger may be nil. The error is a
// [*CredentialsError].
func OpenCredentials(path string, logger *slog.Logger) (*CredentialsFile, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	credentials, info, err := loadCredentials(absolute)
	if err != nil {
		return nil, err
	}
	return &CredentialsFile{
		path: absolute, logger: logger, used: credentials, newest: credentials, seen: info, lookedAt: time.Now(),
	}, nil
}

// Current returns the credentials in use.
func (f *CredentialsFile) Current() *Credentials {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.lookedAt) >= lookInterval {
		f.look(now)
	}
	if f.used != f.newest && !now.Before(f.newestAt) {
		f.used = f.newest
	}
	return f.used
}

// Renew reads the file again if it has changed. While new credentials settle, it switches between them and the previous
// ones.
func (f *CredentialsFile) Renew(used *Credentials) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.used == used {
		f.look(now)
	}
	return f.used != used || f.switchFrom(used, now)
}

func (f *CredentialsFile) switchFrom(refused *Credentials, now time.Time) bool {
	if refused != f.newest {
		f.before, f.used, f.newestAt = nil, f.newest, now
		return true
	}
	if f.before == nil || now.After(f.settledAt) {
		return false
	}
	f.used, f.newestAt = f.before, now.Add(fallbackTime)
	return true
}

// look reads the file if it has changed. A stat takes microseconds, so callers wait for it.
func (f *CredentialsFile) look(now time.Time) {
	f.lookedAt = now
	info, err := os.Stat(f.path)
	// While it is replaced, a file may be missing for a moment. A pipe gives its content once, and opening it may wait.
	if os.IsNotExist(err) || err == nil && (sameFile(f.seen, info) || !info.Mode().IsRegular()) {
		return
	}
	credentials, seen, err := loadCredentials(f.path)
	f.seen = seen
	if err == nil {
		err = f.adopt(credentials, now)
	}
	if err != nil && f.logger != nil {
		f.logger.Warn("the credentials file has changed and cannot be used; the previous credentials stay", "error", err)
	}
}

func (f *CredentialsFile) adopt(credentials *Credentials, now time.Time) error {
	if credentials.equal(f.newest) {
		return nil
	}
	// Other clients have other jobs and request ids.
	if credentials.ClientID != f.newest.ClientID || credentials.ServerID != f.newest.ServerID {
		return &CredentialsError{
			Source: f.path, Problem: "now holds the credentials of another client or server", Fix: "make a client of its own with them",
		}
	}
	f.before, f.settledAt = f.used, now.Add(settlingTime)
	f.newest, f.newestAt, f.used = credentials, now, credentials
	if f.logger != nil {
		f.logger.Info("the credentials were read again", "key_id", credentials.KeyID)
	}
	return nil
}
