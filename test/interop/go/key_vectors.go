package main

import (
	"bytes"
	"encoding/hex"

	"example.com/sealwire-client/sealwire"
)

type keysFile struct {
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

func (c *checker) keys(file keysFile) error {
	for index, row := range file.PAE {
		parts := make([][]byte, len(row.Parts))
		for part := range row.Parts {
			parts[part] = row.Parts[part]
		}
		c.check(index+1, map[string]bool{"pae": bytes.Equal(sealwire.PAE(parts...), row.Bytes)})
	}
	for index, row := range file.Derivations {
		client, key := []byte(row.ClientID), []byte(row.KeyID)
		requestKey, requestErr := sealwire.DecodeKey("sws_", row.RequestKeyText)
		responseKey, responseErr := sealwire.DecodeKey("swr_", row.ResponseKeyText)
		fingerprint := hex.EncodeToString(sealwire.MAC(row.ServerSecret, []byte("fingerprint")))
		c.check(len(file.PAE)+index+1, map[string]bool{
			"fingerprint":       fingerprint[:32] == row.Fingerprint,
			"request_key":       bytes.Equal(sealwire.MAC(row.ServerSecret, []byte("request-key"), client, key), row.RequestKey),
			"response_key":      bytes.Equal(sealwire.MAC(row.ServerSecret, []byte("response-key"), client, key), row.ResponseKey),
			"request_key_text":  requestErr == nil && bytes.Equal(requestKey, row.RequestKey),
			"response_key_text": responseErr == nil && bytes.Equal(responseKey, row.ResponseKey),
		})
	}
	for index, row := range file.KeyTexts {
		prefix := map[string]string{"request": "sws_", "response": "swr_"}[row.Use]
		key, err := sealwire.DecodeKey(prefix, row.Text)
		agreed := err != nil
		if row.Key != nil {
			agreed = err == nil && bytes.Equal(key, *row.Key)
		}
		c.check(len(file.PAE)+len(file.Derivations)+index+1, map[string]bool{"key_text": agreed})
	}
	return nil
}
