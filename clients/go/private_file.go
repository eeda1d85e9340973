package sealwire

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// fileBytesMax is the size of the largest credentials file that is read.
const fileBytesMax = 64 << 10

// readPrivateFile reads a file that holds secrets, and refuses one that users other than its owner can read.
func readPrivateFile(path string) ([]byte, os.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, cannotRead(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, cannotRead(path, err)
	}
	if info.IsDir() {
		return nil, info, &CredentialsError{Source: path, Problem: "is a folder", Fix: "give a credentials file"}
	}
	// Windows has no such modes.
	if mode := info.Mode().Perm(); mode&forbiddenMode(info) != 0 && runtime.GOOS != "windows" {
		problem := fmt.Sprintf("has mode %04o: users other than its owner can read its secrets", mode)
		return nil, info, &CredentialsError{Source: path, Problem: problem, Fix: "chmod 600 " + path}
	}
	text, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err != nil {
		return nil, info, cannotRead(path, err)
	}
	if len(text) > fileBytesMax {
		problem := fmt.Sprintf("is larger than %d bytes", fileBytesMax)
		return nil, info, &CredentialsError{Source: path, Problem: problem, Fix: "give a credentials file"}
	}
	return text, info, nil
}

func cannotRead(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		fix := "give the path of a credentials file, such as the .sealwire/client.json of `sealwire serve --dev`"
		return &CredentialsError{Source: path, Problem: "does not exist", Fix: fix, Err: err}
	}
	return &CredentialsError{Source: path, Problem: "cannot be read: " + err.Error(), Fix: "let this user read it", Err: err}
}

// sameFile reports whether a file has not changed since it was seen.
func sameFile(seen, now os.FileInfo) bool {
	return seen != nil && os.SameFile(seen, now) && seen.Size() == now.Size() && seen.Mode() == now.Mode() &&
		seen.ModTime().Equal(now.ModTime())
}
