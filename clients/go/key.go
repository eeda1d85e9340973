package sealwire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

const (
	requestKeyPrefix  = "sws_"
	responseKeyPrefix = "swr_"
	keyBytesMin       = 32
	keyBytesMax       = 1024
)

// Key is a secret key for HMAC-SHA256. Its text forms do not show it.
type Key struct {
	secret []byte
	// macs holds HMACs whose key schedule is computed.
	macs sync.Pool
}

type keyedMAC struct {
	hash hash.Hash
	text [64]byte
}

// NewKey makes a key of 32 to 1024 bytes, which it copies.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < keyBytesMin || len(secret) > keyBytesMax {
		return nil, fmt.Errorf("a key has %d to %d bytes, not %d", keyBytesMin, keyBytesMax, len(secret))
	}
	key := &Key{secret: bytes.Clone(secret)}
	key.macs.New = func() any { return &keyedMAC{hash: hmac.New(sha256.New, key.secret)} }
	return key, nil
}

// ParseRequestKey reads the text form of a request key, "sws_" and the key in base64url without padding.
func ParseRequestKey(text string) (*Key, error) { return parseKey(requestKeyPrefix, text) }

// ParseResponseKey reads the text form of a response key, "swr_" and the key in base64url without padding.
func ParseResponseKey(text string) (*Key, error) { return parseKey(responseKeyPrefix, text) }

func parseKey(prefix, text string) (*Key, error) {
	secret, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, prefix))
	// The round trip finds texts that the decoder accepts but no server writes, such as one with line breaks.
	if err != nil || prefix+base64.RawURLEncoding.EncodeToString(secret) != text {
		return nil, errors.New(`must be "` + prefix + `" and a key in base64url without padding`)
	}
	return NewKey(secret)
}

// Equal reports whether both are the same key, in constant time.
func (k *Key) Equal(other *Key) bool { return hmac.Equal(k.secret, other.secret) }

// String returns a fixed text, so that no log shows the key.
func (k *Key) String() string { return "(secret)" }

// GoString returns the text of String.
func (k *Key) GoString() string { return k.String() }
