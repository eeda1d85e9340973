package dev.sealwire;

import com.google.protobuf.ByteString;

/**
 * What an answer to a request must be.
 *
 * @param responseKey verifies the signature
 * @param keyId names the key that signed the request
 * @param serverId the server that was called
 * @param requestId the request id of the Envelope
 * @param requestSignature the signature of the request, 32 bytes
 * @param sequence 0 for the answer to a call; 1, 2, 3 and so on for the messages of a stream
 */
public record ExpectedAnswer(
    HmacKey responseKey,
    String keyId,
    String serverId,
    String requestId,
    ByteString requestSignature,
    long sequence) {}
