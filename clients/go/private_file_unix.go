//go:build unix

package sealwire

import (
	"os"
	"syscall"
)

// forbiddenMode returns the mode bits that a file of secrets must not have. Root can pass a file, such as a mounted
// secret, to a program of another user only by that program's group.
func forbiddenMode(info os.FileInfo) os.FileMode {
	if status, ok := info.Sys().(*syscall.Stat_t); ok && status.Uid == 0 && os.Geteuid() != 0 {
		return 0o037
	}
	return 0o077
}
