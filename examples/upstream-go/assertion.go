package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	lifetime = 60 * time.Second
	leeway   = 5 * time.Second
)

// tools has the tool of each method. Without it an assertion for one tool would do for another one that takes the same bytes.
var tools = map[string]string{"AddNote": "add_note", "CountWords": "count_words", "HashPages": "hash_pages"}

type claims struct {
	jwt.RegisteredClaims
	Tool       string `json:"tool"`
	Attempt    *int   `json:"attempt"`
	ArgsSHA256 string `json:"args_sha256"`
}

// Verifier checks assertions with the keys of a JWKS file, which is read again when it changes. It accepts each one once.
type Verifier struct {
	mu     sync.Mutex
	path   string
	file   os.FileInfo
	keys   map[string]*ecdsa.PublicKey
	used   map[string]time.Time
	parser *jwt.Parser
}

// NewVerifier reads the JWKS file.
func NewVerifier(path, audience string) (*Verifier, error) {
	verifier := &Verifier{path: path, used: map[string]time.Time{}, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
	)}
	return verifier, verifier.read()
}

// Check returns an error unless the assertion holds for the call and for the serialized request, as it was received.
func (v *Verifier) Check(call Call, request []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if call.Assertion == "" {
		return errors.New("missing")
	}
	claims := &claims{}
	if _, err := v.parser.ParseWithClaims(call.Assertion, claims, v.key); err != nil {
		return err
	}
	digest := sha256.Sum256(request)
	switch {
	case time.Until(claims.ExpiresAt.Time) > lifetime+leeway:
		return fmt.Errorf("it is valid for more than %s", lifetime)
	case claims.Subject == "" || claims.Subject != call.Client:
		return errors.New("sub is not sealwire-client-id")
	case claims.Tool != call.Tool || claims.Tool != tools[call.Method]:
		return fmt.Errorf("tool is not sealwire-tool, or not the tool of %s", call.Method)
	case claims.Attempt == nil || call.Attempt == nil || *claims.Attempt != *call.Attempt:
		return errors.New("attempt is not sealwire-attempt")
	case claims.ArgsSHA256 != base64.RawURLEncoding.EncodeToString(digest[:]):
		return errors.New("args_sha256 is not the hash of the request")
	}
	return v.use(claims.ID, claims.ExpiresAt.Time)
}

func (v *Verifier) use(jti string, expires time.Time) error {
	now := time.Now()
	for used, until := range v.used {
		if until.Before(now) {
			delete(v.used, used)
		}
	}
	if jti == "" {
		return errors.New("jti is missing")
	}
	if _, used := v.used[jti]; used {
		return errors.New("jti was used before")
	}
	v.used[jti] = expires.Add(leeway)
	return nil
}

func (v *Verifier) key(token *jwt.Token) (any, error) {
	if file, err := os.Stat(v.path); err != nil || !os.SameFile(file, v.file) ||
		file.Size() != v.file.Size() || !file.ModTime().Equal(v.file.ModTime()) {
		if err := v.read(); err != nil {
			log.Printf("%v; the keys read before stay in use", err)
		}
	}
	kid, _ := token.Header["kid"].(string)
	if key, known := v.keys[kid]; known {
		return key, nil
	}
	return nil, errors.New("kid names no key of the JWKS file")
}

func (v *Verifier) read() error {
	file, err := os.Stat(v.path)
	if err != nil {
		return err
	}
	v.file = file
	text, err := os.ReadFile(v.path)
	if err != nil {
		return err
	}
	var set struct {
		Keys []struct {
			Kid, Crv string
			X, Y     string
		}
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("%s: %w", v.path, err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, each := range set.Keys {
		if each.Crv != "P-256" {
			continue
		}
		x, errX := base64.RawURLEncoding.DecodeString(each.X)
		y, errY := base64.RawURLEncoding.DecodeString(each.Y)
		key, errKey := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err := errors.Join(errX, errY, errKey); err != nil {
			return fmt.Errorf("%s: key %s: %w", v.path, each.Kid, err)
		}
		keys[each.Kid] = key
	}
	v.keys = keys
	return nil
}
