package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.com/sealwire-client/gen/frame"
	pb "example.com/sealwire-client/gen/sealwire/v1"
	"example.com/sealwire-client/sealwire"
)

// checker counts the vectors that it is told of and prints those that the client gets wrong.
type checker struct {
	file               string
	checked, disagreed int
	sign               func(*sealwire.Credentials, string, []byte) *frame.Frame
	verify             func(*sealwire.Credentials, *sealwire.Expected, *frame.Frame, int64) (*pb.Response, error)
}

// check notes one vector: facts are its names and whether they hold.
func (c *checker) check(number int, facts map[string]bool) {
	c.checked++
	var wrong []string
	for name, holds := range facts {
		if !holds {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		c.disagreed++
		fmt.Println(c.file, number, strings.Join(wrong, " "))
	}
}

func checkVectors(folder string, fault ...string) error {
	c := &checker{sign: (*sealwire.Credentials).Sign, verify: (*sealwire.Credentials).Verify}
	if len(fault) > 0 {
		if err := c.plant(fault[0]); err != nil {
			return err
		}
	}
	if err := errors.Join(
		read(c, folder, "keys", c.keys),
		read(c, folder, "requests", c.requests),
		read(c, folder, "sequences", c.sequences),
		read(c, folder, "sizes", c.sizes),
		read(c, folder, "responses", c.responses),
		read(c, folder, "arguments", c.arguments),
		read(c, folder, "canonical", c.canonical),
	); err != nil {
		return err
	}
	if c.disagreed > 0 {
		return fmt.Errorf("%d of %d vectors disagree", c.disagreed, c.checked)
	}
	fmt.Printf("%d vectors agree\n", c.checked)
	return nil
}

// plant makes the signer take another label, or the verifier believe every signature.
func (c *checker) plant(fault string) error {
	switch fault {
	case "--wrong-signer":
		c.sign = func(who *sealwire.Credentials, method string, envelope []byte) *frame.Frame {
			signed := who.Sign(method, envelope)
			signed.Signature = sealwire.MAC(who.RequestKey, []byte("response"), []byte(method), []byte(who.KeyID), envelope)
			return signed
		}
	case "--wrong-verifier":
		c.verify = func(who *sealwire.Credentials, expected *sealwire.Expected, received *frame.Frame, sequence int64) (*pb.Response, error) {
			signature := sealwire.MAC(who.ResponseKey, []byte("response"), expected.RequestSignature, received.Content)
			believed := &frame.Frame{Content: received.Content, KeyId: who.KeyID, Signature: signature}
			return who.Verify(expected, believed, sequence)
		}
	default:
		return fmt.Errorf("unknown fault %s", fault)
	}
	return nil
}

func read[File any](c *checker, folder, name string, check func(File) error) error {
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		return err
	}
	var file File
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s.json: %w", name, err)
	}
	c.file = name
	return check(file)
}

// hexBytes is a byte string written as hex digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func hmacOf(key, input []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(input)
	return mac.Sum(nil)
}
