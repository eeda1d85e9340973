package sealwire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// subject is what the vectors check: this package, or a copy of it with a fault.
type subject struct {
	sign   func(*Credentials, string, []byte) *Frame
	verify func(*Credentials, *Frame, *Expected) (*sealwirev1.Response, error)
}

var honest = subject{sign: (*Credentials).Sign, verify: (*Credentials).Verify}

// wrongSigner takes the label of responses.
func wrongSigner(c *Credentials, method string, envelope []byte) *Frame {
	signature := c.RequestKey.MAC(responseLabel, []byte(method), []byte(c.KeyID), envelope)
	return &Frame{Content: envelope, KeyID: c.KeyID, Signature: signature}
}

// wrongVerifier believes every signature.
func wrongVerifier(c *Credentials, received *Frame, expected *Expected) (*sealwirev1.Response, error) {
	signature := c.ResponseKey.MAC(responseLabel, expected.RequestSignature, received.Content)
	return c.Verify(&Frame{Content: received.Content, KeyID: c.KeyID, Signature: signature}, expected)
}

func TestVectorsAgree(t *testing.T) {
	for name, check := range vectorFiles {
		wrong, checked := check(t, honest)
		if len(wrong) > 0 || checked == 0 {
			t.Errorf("%s.json: %d checked, these disagree: %v", name, checked, wrong)
		}
		t.Logf("%s.json: %d checked", name, checked)
	}
}

func TestVectorsCatchAWrongSigner(t *testing.T) {
	faulty := subject{sign: wrongSigner, verify: honest.verify}
	for _, name := range []string{"requests", "sequences", "sizes"} {
		if wrong, _ := vectorFiles[name](t, faulty); len(wrong) == 0 {
			t.Errorf("%s.json does not notice a wrong signer", name)
		}
	}
}

func TestVectorsCatchAWrongVerifier(t *testing.T) {
	if wrong, _ := vectorFiles["responses"](t, subject{sign: honest.sign, verify: wrongVerifier}); len(wrong) == 0 {
		t.Error("responses.json does not notice a verifier that believes every signature")
	}
}

// vectorFiles has a check for each file: it returns the cases that disagree, and how many there are.
var vectorFiles = map[string]func(*testing.T, subject) ([]string, int){
	"keys":        checkKeys,
	"requests":    checkRequests,
	"sequences":   checkSequences,
	"sizes":       checkSizes,
	"responses":   checkResponses,
	"canonical":   checkCanonical,
	"definitions": checkDefinitions,
}

// tally collects the cases that disagree.
type tally struct {
	wrong   []string
	checked int
}

func (t *tally) check(id any, facts map[string]bool) {
	t.checked++
	for name, holds := range facts {
		if !holds {
			t.wrong = append(t.wrong, fmt.Sprintf("%v %s", id, name))
		}
	}
}

// readVectors reads a file of test/vectors of the repository, or of the folder in SEALWIRE_VECTORS.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	folder := os.Getenv("SEALWIRE_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "test", "vectors")
	}
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not here; set SEALWIRE_VECTORS to test/vectors of the repository", folder)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// hexBytes are bytes written as hex digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// runs are bytes written as hex, or as a list of hex and of runs of the same bytes.
type runs []byte

func (r *runs) UnmarshalJSON(text []byte) error {
	var whole hexBytes
	if json.Unmarshal(text, &whole) == nil {
		*r = runs(whole)
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	for _, each := range list {
		var digits hexBytes
		if json.Unmarshal(each, &digits) == nil {
			*r = append(*r, digits...)
			continue
		}
		var run struct {
			Byte  hexBytes
			Times int
		}
		if err := json.Unmarshal(each, &run); err != nil {
			return err
		}
		*r = append(*r, bytes.Repeat(run.Byte, run.Times)...)
	}
	return nil
}

func testKey(t *testing.T, secret []byte) *Key {
	t.Helper()
	key, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func hmacOf(key, input []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(input)
	return mac.Sum(nil)
}

func checkKeys(t *testing.T, _ subject) ([]string, int) {
	var file struct {
		PAE []struct {
			Parts []hexBytes
			Bytes hexBytes
		}
		Derivations []struct {
			ServerSecret                    hexBytes
			Fingerprint, ClientID, KeyID    string
			RequestKey, ResponseKey         hexBytes
			RequestKeyText, ResponseKeyText string
		}
		KeyTexts []struct {
			Text, Use string
			Key       *hexBytes
		}
	}
	readVectors(t, "keys", &file)
	all := &tally{}
	for index, row := range file.PAE {
		parts := make([][]byte, len(row.Parts))
		for at, part := range row.Parts {
			parts[at] = part
		}
		secret := bytes.Repeat([]byte{7}, 32)
		all.check(index+1, map[string]bool{
			"pae": bytes.Equal(PAE(parts...), row.Bytes),
			"mac": bytes.Equal(testKey(t, secret).MAC(parts...), hmacOf(secret, row.Bytes)),
		})
	}
	for index, row := range file.Derivations {
		secret, client, key := testKey(t, row.ServerSecret), []byte(row.ClientID), []byte(row.KeyID)
		request, requestErr := ParseRequestKey(row.RequestKeyText)
		response, responseErr := ParseResponseKey(row.ResponseKeyText)
		all.check(fmt.Sprintf("derivation %d", index+1), map[string]bool{
			"fingerprint":       hex.EncodeToString(secret.MAC([]byte("fingerprint")))[:32] == row.Fingerprint,
			"request_key":       bytes.Equal(secret.MAC([]byte("request-key"), client, key), row.RequestKey),
			"response_key":      bytes.Equal(secret.MAC([]byte("response-key"), client, key), row.ResponseKey),
			"request_key_text":  requestErr == nil && bytes.Equal(request.secret, row.RequestKey),
			"response_key_text": responseErr == nil && bytes.Equal(response.secret, row.ResponseKey),
		})
	}
	for index, row := range file.KeyTexts {
		parse := map[string]func(string) (*Key, error){"request": ParseRequestKey, "response": ParseResponseKey}[row.Use]
		key, err := parse(row.Text)
		agrees := err != nil
		if row.Key != nil {
			agrees = err == nil && bytes.Equal(key.secret, *row.Key)
		}
		all.check(fmt.Sprintf("text %d", index+1), map[string]bool{"key_text": agrees})
	}
	return all.wrong, all.checked
}

func checkSizes(t *testing.T, tested subject) ([]string, int) {
	var file struct {
		Macs []struct {
			ID         int
			Key, Input runs
			Mac        hexBytes
		}
		Cases []struct {
			ID                  int
			Flag, KeyID, Result string
			Key, Signature      hexBytes
			Parts               []runs
			SigningInput, Frame runs
		}
	}
	readVectors(t, "sizes", &file)
	all := &tally{}
	for _, each := range file.Cases {
		received, err := ParseFrame(each.Frame)
		if err != nil {
			t.Fatalf("sizes %d: %v", each.ID, err)
		}
		parts := make([][]byte, len(each.Parts))
		for index, part := range each.Parts {
			parts[index] = part
		}
		last := len(parts) - 1
		key := testKey(t, each.Key)
		signature := key.MAC(slices.Concat(parts[:last], [][]byte{received.Content})...)
		if each.Flag == "Request" {
			signature = tested.sign(&Credentials{KeyID: received.KeyID, RequestKey: key}, string(parts[1]), received.Content).Signature
		}
		made := (&Frame{Content: parts[last], KeyID: each.KeyID, Signature: each.Signature}).Marshal()
		valid := each.Result == "valid"
		all.check(each.ID, map[string]bool{
			"signing_input": bytes.Equal(PAE(parts...), each.SigningInput),
			"signature":     bytes.Equal(key.MAC(parts...), each.Signature),
			"verdict":       bytes.Equal(signature, received.Signature) == valid,
			"frame":         bytes.Equal(made, each.Frame) == valid,
		})
	}
	for _, each := range file.Macs {
		all.check(fmt.Sprintf("mac %d", each.ID), map[string]bool{"mac": bytes.Equal(hmacOf(each.Key, each.Input), each.Mac)})
	}
	return all.wrong, all.checked
}
