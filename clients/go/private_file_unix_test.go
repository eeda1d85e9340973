//go:build unix

package sealwire

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A pipe, such as that of a shell's <(…), gives the credentials once. Opening it again would wait for another writer.
func TestCredentialsFromAPipeAreReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(fileFields())
	go func() { _ = os.WriteFile(path, text, 0o600) }()
	file, err := OpenCredentials(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	file.lookedAt = time.Now().Add(-time.Minute)
	_ = os.Chtimes(path, time.Now(), time.Now().Add(time.Second))
	done := make(chan *Credentials, 1)
	go func() { done <- file.Current() }()
	select {
	case credentials := <-done:
		if credentials.ClientID != "reports" {
			t.Error(credentials)
		}
	case <-time.After(2 * time.Second):
		t.Error("a call waits for a pipe")
	}
}

func TestAFileThatBecomesAPipeIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, nil)
	file, err := OpenCredentials(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool, 1)
	go func() { done <- file.Renew(file.used) }()
	select {
	case isRenewed := <-done:
		if isRenewed {
			t.Error("a pipe gives other credentials")
		}
	case <-time.After(2 * time.Second):
		t.Error("a call waits for a pipe")
	}
}
