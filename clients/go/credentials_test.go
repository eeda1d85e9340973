package sealwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// The keys of docs/protocol.md.
const (
	requestKeyText  = "sws_Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2UodT5SXvjx30"
	responseKeyText = "swr_uhG74BBdwgdvdKBMHVTK9m_knQMKtGvdpvv__NGhp-w"
)

func fileFields() map[string]any {
	return map[string]any{
		"address": "127.0.0.1:50051", "server_id": "calculator", "server_fingerprint": "7a65660018fbb41fdc3a118fe3b1ae33",
		"client_id": "reports", "key_id": "k_example", "request_key": requestKeyText, "response_key": responseKeyText,
		"a_member_of_the_future": true,
	}
}

// writeFile writes a credentials file with some fields changed; nil leaves a field out.
func writeFile(t *testing.T, path string, changes map[string]any) {
	t.Helper()
	fields := fileFields()
	for name, value := range changes {
		if fields[name] = value; value == nil {
			delete(fields, name)
		}
	}
	text, _ := json.Marshal(fields)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestACredentialsFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, nil)
	read, err := LoadCredentials(path)
	if err != nil || read.ClientID != "reports" || read.ResponseKey == nil {
		t.Fatal(read, err)
	}
	for _, text := range []string{fmt.Sprint(read), fmt.Sprintf("%+v", read), fmt.Sprintf("%#v", read), fmt.Sprintf("%v %#v", read.RequestKey, *read)} {
		if strings.Contains(text, requestKeyText[4:]) || strings.Contains(text, "secret:[") || strings.Contains(text, "0x5f, 0x8") {
			t.Errorf("%s shows a key", text)
		}
	}
}

func TestCredentialsThatCannotBeUsedNameTheField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	cases := map[string]map[string]any{
		"request_key":        {"request_key": requestKeyText[:20]},
		"response_key":       {"response_key": requestKeyText},
		"client_id":          {"client_id": nil},
		"key_id":             {"key_id": 7},
		"server_id":          {"server_id": ""},
		"server_fingerprint": {"server_fingerprint": "7A"},
		"address":            {"address": " , "},
	}
	for field, changes := range cases {
		writeFile(t, path, changes)
		_, err := LoadCredentials(path)
		var refused *CredentialsError
		if !errors.As(err, &refused) || refused.Field != field || refused.Fix == "" || !strings.Contains(err.Error(), "client.json") {
			t.Errorf("%s: %v", field, err)
		}
		if strings.Contains(err.Error(), requestKeyText[4:16]) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
	for _, text := range []string{"", "{", "[]", "null", `"` + requestKeyText + `"`} {
		if _, err := ParseCredentials([]byte(text)); err == nil || strings.Contains(err.Error(), requestKeyText[4:16]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAFileThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, nil)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCredentials(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	if _, err := NewClient(filepath.Join(t.TempDir(), "absent.json")); err == nil || !strings.Contains(err.Error(), "absent.json") {
		t.Error(err)
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	t.Setenv("SEALWIRE_CREDENTIALS", "")
	for name, value := range fileFields() {
		if text, ok := value.(string); ok {
			t.Setenv("SEALWIRE_"+strings.ToUpper(name), text)
		}
	}
	source, err := EnvironmentCredentials()
	if err != nil || source.Current().KeyID != "k_example" {
		t.Fatal(source, err)
	}
	t.Setenv("SEALWIRE_KEY_ID", "")
	if _, err = EnvironmentCredentials(); err == nil || !strings.Contains(err.Error(), "SEALWIRE_KEY_ID") {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, map[string]any{"key_id": "k_of_file"})
	t.Setenv("SEALWIRE_CREDENTIALS", path)
	t.Setenv("SEALWIRE_ADDRESS", "127.0.0.1:7")
	source, err = EnvironmentCredentials()
	if err != nil || source.Current().KeyID != "k_of_file" || source.Current().Address != "127.0.0.1:7" {
		t.Error(source, err)
	}
}

func TestAReplacedFileIsReadAgainWhenItsKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	var p *testPeer
	p = startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		if c.number == 2 {
			writeFile(t, path, map[string]any{"address": p.credentials.Address, "key_id": "k_new"})
			p.credentials.KeyID = "k_new"
			return nil, status.Error(codes.Unauthenticated, "the frame could not be authenticated")
		}
		return sums(c)
	})
	writeFile(t, path, map[string]any{"address": p.credentials.Address})
	first, err := LoadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	p.credentials.KeyID, p.credentials.ResponseKey, p.credentials.ServerID = first.KeyID, first.ResponseKey, first.ServerID
	client, err := NewClient(path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 3 {
		if _, err := sum(client); err != nil {
			t.Fatal(err)
		}
	}
	if made := len(p.seen("batch_sum")); made != 4 {
		t.Errorf("%d attempts", made)
	}
}

func TestNewCredentialsFallBackWhileTheySettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, map[string]any{"key_id": "k_1"})
	file, err := OpenCredentials(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := file.Current()
	if file.Renew(first) {
		t.Error("an unchanged file has other credentials")
	}
	writeFile(t, path, map[string]any{"key_id": "k_of_two"})
	if !file.Renew(first) || file.Current().KeyID != "k_of_two" {
		t.Fatal("the changed file was not read")
	}
	second := file.Current()
	if !file.Renew(second) || file.Current() != first {
		t.Error("the previous credentials were not tried again")
	}
	if !file.Renew(first) || file.Current() != second || file.Renew(second) {
		t.Error("both were refused, so that the newest stay")
	}
	writeFile(t, path, map[string]any{"key_id": "k_three", "client_id": "another"})
	if file.Renew(second) || file.Current() != second {
		t.Error("the credentials of another client were taken")
	}
	file.lookedAt = time.Time{}
	writeFile(t, path, map[string]any{"key_id": "k_number_four"})
	if file.Current().KeyID != "k_number_four" {
		t.Error("a changed file is not read with use")
	}
}

func TestPlainTextToAnotherMachineMustBeAllowed(t *testing.T) {
	credentials := newCredentials(t)
	for address, isLocal := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "unix:/tmp/x": true, "dns:///localhost:1": true, "127.0.0.1:1,localhost:2": true,
		"192.0.2.1:1": false, "example.com:1": false, "127.0.0.1:1,192.0.2.1:1": false, "dns:///example.com:1": false, "localhost.example.com:1": false,
	} {
		credentials.Address = address
		client, err := NewClientFrom(credentials)
		if (err == nil) != isLocal {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			_ = client.Close()
		}
	}
	credentials.Address = "192.0.2.1:1"
	client, err := NewClientFrom(credentials, WithDangerousRemotePlaintext())
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
}

func TestAFileThatIsNoCredentialsFileIsNotReadWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	text, _ := json.Marshal(fileFields())
	if err := os.WriteFile(path, append(text, strings.Repeat(" ", 1<<20)...), 0o600); err != nil {
		t.Fatal(err)
	}
	var refused *CredentialsError
	if _, err := LoadCredentials(path); !errors.As(err, &refused) || !strings.Contains(err.Error(), "larger") {
		t.Error(err)
	}
}

func TestTheLoggerHearsOfAChangedFileThatTheEnvironmentNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.json")
	writeFile(t, path, nil)
	t.Setenv(credentialsVariable, path)
	var log bytes.Buffer
	client, err := NewClient("", WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	writeFile(t, path, map[string]any{"key_id": "k_number_two"})
	source := client.calls.source
	if !source.Renew(source.Current()) || !strings.Contains(log.String(), "k_number_two") {
		t.Errorf("the log has %q", log.String())
	}
}

// A proxy that runs on this machine would carry plain text to another one.
func TestPlainTextGoesThroughNoProxy(t *testing.T) {
	if os.Getenv("SEALWIRE_TEST_PROXY") == "" {
		proxy, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		asked := make(chan struct{}, 100)
		go func() {
			for conn, err := proxy.Accept(); err == nil; conn, err = proxy.Accept() {
				asked <- struct{}{}
				_ = conn.Close()
			}
		}()
		// The variable is read once in a process.
		child := exec.Command(os.Args[0], "-test.run=^TestPlainTextGoesThroughNoProxy$")
		child.Env = append(os.Environ(), "SEALWIRE_TEST_PROXY=1", "HTTPS_PROXY=http://"+proxy.Addr().String(), "NO_PROXY=", "no_proxy=")
		if text, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
		if len(asked) > 0 {
			t.Error("plain text to another machine goes through a proxy")
		}
		return
	}
	credentials := newCredentials(t)
	// An address for documentation, which no machine has.
	conn, err := grpc.NewClient("dns:///192.0.2.1:50051", DialOptions(credentials, WithTimeout(300*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := sum(conn); err == nil {
		t.Error("the call was answered")
	}
}
