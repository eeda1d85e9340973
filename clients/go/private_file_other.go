//go:build !unix

package sealwire

import "os"

// forbiddenMode returns the mode bits that a file of secrets must not have.
func forbiddenMode(os.FileInfo) os.FileMode { return 0o077 }
