package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Notes is the notes file: one JSON object a line, with the text of a note and the idempotency key of the call that added it.
type Notes struct {
	mu      sync.Mutex
	file    *os.File
	numbers map[string]int64
	count   int64
}

type note struct {
	Key  string `json:"key,omitempty"`
	Text string `json:"text"`
}

// OpenNotes opens the file, or makes it, and reads the keys in it.
func OpenNotes(path string) (*Notes, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	notes := &Notes{file: file, numbers: map[string]int64{}}
	if err := notes.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s, line %d: %w", path, notes.count+1, err), file.Close())
	}
	return notes, nil
}

// Add returns the number of the note, which is on disk then. The note of a known key is not added again.
func (n *Notes) Add(text, key string) (int64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if number, known := n.numbers[key]; known {
		return number, nil
	}
	line, err := json.Marshal(note{key, text})
	if err != nil {
		return 0, err
	}
	if _, err := n.file.Write(append(line, '\n')); err != nil {
		return 0, err
	}
	if err := n.file.Sync(); err != nil {
		return 0, err
	}
	return n.remember(key), nil
}

// Close closes the file.
func (n *Notes) Close() error { return n.file.Close() }

func (n *Notes) read() error {
	reader := bufio.NewReader(n.file)
	var size int64
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var read note
		if err := json.Unmarshal(line, &read); err != nil {
			return err
		}
		n.remember(read.Key)
		size += int64(len(line))
	}
	// A crash can leave a part of a line, of a note that nobody was told about.
	if err := n.file.Truncate(size); err != nil {
		return err
	}
	_, err := n.file.Seek(size, io.SeekStart)
	return err
}

func (n *Notes) remember(key string) int64 {
	n.count++
	if key != "" {
		n.numbers[key] = n.count
	}
	return n.count
}
