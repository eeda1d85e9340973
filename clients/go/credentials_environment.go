package sealwire

import (
	"log/slog"
	"os"
	"strings"
)

// The environment variables of [EnvironmentCredentials].
const (
	credentialsVariable = "SEALWIRE_CREDENTIALS"
	variablePrefix      = "SEALWIRE_"
)

// EnvironmentCredentials reads the credentials that the environment names: the file in SEALWIRE_CREDENTIALS, which is
// read again when it changes; or, without that variable, SEALWIRE_ADDRESS, SEALWIRE_SERVER_ID,
// SEALWIRE_SERVER_FINGERPRINT, SEALWIRE_CLIENT_ID, SEALWIRE_KEY_ID, SEALWIRE_REQUEST_KEY and SEALWIRE_RESPONSE_KEY. With
// a file, SEALWIRE_ADDRESS replaces the address in the file. The error is a [*CredentialsError].
func EnvironmentCredentials() (CredentialsSource, error) { return environmentCredentials(nil) }

func environmentCredentials(logger *slog.Logger) (CredentialsSource, error) {
	if os.Getenv(credentialsVariable) != "" {
		return openNamedFile(logger)
	}
	credentials, err := readFields("environment", "set it, or set "+credentialsVariable+" to the path of a credentials file",
		func(name string) (string, string, bool) {
			variable := variablePrefix + strings.ToUpper(name)
			value := os.Getenv(variable)
			return variable, value, value != ""
		})
	if err != nil {
		return nil, err
	}
	return credentials, nil
}

func openNamedFile(logger *slog.Logger) (CredentialsSource, error) {
	file, err := OpenCredentials(os.Getenv(credentialsVariable), logger)
	if err != nil {
		return nil, err
	}
	// The address counts when a client is made, so that of a replaced file does not matter.
	if address := os.Getenv(variablePrefix + "ADDRESS"); address != "" {
		file.used.Address = address
	}
	return file, nil
}
