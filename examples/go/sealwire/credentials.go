package sealwire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Credentials contain the ids of client, key and server, the address, and both keys. Their text form omits the keys.
type Credentials struct {
	Address           string `json:"address"`
	ServerID          string `json:"server_id"`
	ServerFingerprint string `json:"server_fingerprint"`
	ClientID          string `json:"client_id"`
	KeyID             string `json:"key_id"`
	RequestKey        []byte `json:"-"`
	ResponseKey       []byte `json:"-"`
}

func (c Credentials) String() string {
	return fmt.Sprintf("%s with key %s at %s", c.ClientID, c.KeyID, c.ServerID)
}

// GoString returns the same text as String, so that %#v does not print the keys.
func (c Credentials) GoString() string { return c.String() }

// LoadCredentials reads a credentials file. It refuses a file that other users can read.
func LoadCredentials(path string) (*Credentials, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is secret, but others can read it: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Credentials
		RequestKey  string `json:"request_key"`
		ResponseKey string `json:"response_key"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("the credentials in %s cannot be read: %w", path, err)
	}
	credentials := file.Credentials
	if credentials.RequestKey, err = DecodeKey("sws_", file.RequestKey); err != nil {
		return nil, fmt.Errorf("request_key in %s: %w", path, err)
	}
	if credentials.ResponseKey, err = DecodeKey("swr_", file.ResponseKey); err != nil {
		return nil, fmt.Errorf("response_key in %s: %w", path, err)
	}
	return &credentials, nil
}

// DecodeKey parses the text form of a key.
func DecodeKey(prefix, text string) ([]byte, error) {
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, prefix))
	// The round trip detects invalid input that the decoder accepts.
	if err != nil || prefix+base64.RawURLEncoding.EncodeToString(key) != text || len(key) < 32 || len(key) > 1024 {
		return nil, fmt.Errorf("not a key: %s and 32 to 1024 bytes in base64url are expected", prefix)
	}
	return key, nil
}
