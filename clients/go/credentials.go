package sealwire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
)

// Credentials hold the ids, the address and the two keys with which a client calls a server. Their text forms do not
// show the keys. They are a [CredentialsSource] that never changes. Do not change them after they are in use.
type Credentials struct {
	// Address is a gRPC target: "host:port", "unix:/path" or "dns:///host:port". Replicas are separated by commas.
	Address string
	// ServerID names the server that is called.
	ServerID string
	// ServerFingerprint identifies the server's secret, 32 hex digits; the tool server_identity answers it.
	ServerFingerprint string
	// ClientID names the caller.
	ClientID string
	// KeyID names the pair of keys.
	KeyID string
	// RequestKey signs requests.
	RequestKey *Key
	// ResponseKey verifies answers.
	ResponseKey *Key
}

// CredentialsError tells why credentials cannot be used. It never contains a key.
type CredentialsError struct {
	// Source is the file, or where else the credentials come from.
	Source string
	// Field is the JSON member or the environment variable at fault; empty if it is not a single one.
	Field string
	// Problem says what is wrong and what is expected.
	Problem string
	// Fix says what to do.
	Fix string
	// Err is the cause, if there is one.
	Err error
}

// Error names the source, the field, the problem and the fix.
func (e *CredentialsError) Error() string {
	where := e.Source
	if e.Field != "" {
		where += ": " + e.Field
	}
	return fmt.Sprintf("sealwire: %s %s; %s", where, e.Problem, e.Fix)
}

// Unwrap returns the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }

// String names the client, the key and the server.
func (c *Credentials) String() string {
	return fmt.Sprintf("client %s with key %s of server %s at %s", c.ClientID, c.KeyID, c.ServerID, c.Address)
}

// GoString returns the text of String.
func (c *Credentials) GoString() string { return c.String() }

// LogValue returns the text of String.
func (c *Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Current returns c.
func (c *Credentials) Current() *Credentials { return c }

// Renew returns false: there are no other credentials.
func (c *Credentials) Renew(*Credentials) bool { return false }

// equal reports whether both are the same keys of the same client and server.
func (c *Credentials) equal(o *Credentials) bool {
	return c.KeyID == o.KeyID && c.ClientID == o.ClientID && c.ServerID == o.ServerID &&
		c.ServerFingerprint == o.ServerFingerprint && c.RequestKey.Equal(o.RequestKey) && c.ResponseKey.Equal(o.ResponseKey)
}

// LoadCredentials reads a credentials file once. It refuses a file that other users can read. The error is a
// [*CredentialsError].
func LoadCredentials(path string) (*Credentials, error) {
	credentials, _, err := loadCredentials(path)
	return credentials, err
}

func loadCredentials(path string) (*Credentials, os.FileInfo, error) {
	text, info, err := readPrivateFile(path)
	if err != nil {
		return nil, info, err
	}
	credentials, err := parseCredentials(text, path)
	clear(text)
	return credentials, info, err
}

// ParseCredentials reads the content of a credentials file. The error is a [*CredentialsError].
func ParseCredentials(text []byte) (*Credentials, error) {
	return parseCredentials(text, "credentials")
}

func parseCredentials(text []byte, source string) (*Credentials, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		problem, fix := "is not a JSON object", "write it anew, as `sealwire keys add` does"
		return nil, &CredentialsError{Source: source, Problem: problem, Fix: fix}
	}
	return readFields(source, "get the credentials again from the server's operator", func(name string) (string, string, bool) {
		raw, present := members[name]
		var value string
		// A value of another type is refused like an empty text: it fits no field.
		if present && !bytes.Equal(raw, []byte("null")) {
			_ = json.Unmarshal(raw, &value)
		}
		return name, value, present
	})
}

var (
	identifier  = regexp.MustCompile(`^[!-~]{1,128}$`)
	fingerprint = regexp.MustCompile(`^[0-9a-f]{32}$`)
	addressText = regexp.MustCompile(`^\P{Cc}+$`)
)

// readFields reads every field of credentials. lookUp returns what users call a field, its value and whether it is there.
func readFields(source, fix string, lookUp func(name string) (string, string, bool)) (*Credentials, error) {
	credentials := &Credentials{}
	var err error
	read := func(name string, pattern *regexp.Regexp, expected string) string {
		label, value, present := lookUp(name)
		switch {
		case err != nil:
		case !present:
			err = &CredentialsError{Source: source, Field: label, Problem: "is missing", Fix: fix}
		case pattern != nil && !pattern.MatchString(value):
			err = &CredentialsError{Source: source, Field: label, Problem: "must be " + expected, Fix: fix}
		}
		return value
	}
	readKey := func(name string, parse func(string) (*Key, error)) *Key {
		text := read(name, nil, "")
		if err != nil {
			return nil
		}
		key, problem := parse(text)
		if problem != nil {
			label, _, _ := lookUp(name)
			err = &CredentialsError{Source: source, Field: label, Problem: problem.Error(), Fix: fix}
		}
		return key
	}
	const id = "1 to 128 printable ASCII characters without spaces"
	credentials.Address = read("address", addressText, `an address such as "127.0.0.1:50051"`)
	credentials.ServerID = read("server_id", identifier, id)
	credentials.ServerFingerprint = read("server_fingerprint", fingerprint, "32 hex digits")
	credentials.ClientID = read("client_id", identifier, id)
	credentials.KeyID = read("key_id", identifier, id)
	credentials.RequestKey = readKey("request_key", ParseRequestKey)
	credentials.ResponseKey = readKey("response_key", ParseResponseKey)
	if err == nil && len(splitAddresses(credentials.Address)) == 0 {
		label, _, _ := lookUp("address")
		err = &CredentialsError{Source: source, Field: label, Problem: "holds no address", Fix: fix}
	}
	if err != nil {
		return nil, err
	}
	return credentials, nil
}
