package sealwire

// Version is the version of this package.
const Version = "0.2.0"
