// Command release writes the module sealwire.dev/sealwire as the files of a Go module proxy, from which the go command
// installs it:
//
//	go run . FOLDER [VERSION]
//	GOPROXY=file://FOLDER,$(go env GOPROXY) GONOSUMDB=sealwire.dev go get sealwire.dev/sealwire@VERSION
//
// The version is that of ../version.go unless another one is given.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const path = "sealwire.dev/sealwire"

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || len(os.Args) > 3 {
		log.Fatal("usage: release FOLDER [VERSION]")
	}
	if err := write("..", os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func write(source, target string, versions []string) error {
	version, err := versionOf(source, versions)
	if err != nil {
		return err
	}
	folder := filepath.Join(target, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{"list": []byte(version + "\n"), version + ".info": info, version + ".mod": mod} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	archive, err := os.Create(filepath.Join(folder, version+".zip"))
	if err != nil {
		return err
	}
	// A folder with a go.mod of its own, such as this one, is no part of the module.
	return errors.Join(zip.CreateFromDir(archive, module.Version{Path: path, Version: version}, source), archive.Close())
}

var versionLine = regexp.MustCompile(`(?m)^const Version = "([^"]+)"$`)

func versionOf(source string, given []string) (string, error) {
	if len(given) > 0 {
		return given[0], nil
	}
	text, err := os.ReadFile(filepath.Join(source, "version.go"))
	if err != nil {
		return "", err
	}
	found := versionLine.FindSubmatch(text)
	if found == nil {
		return "", errors.New("version.go has no Version")
	}
	return "v" + string(found[1]), nil
}
