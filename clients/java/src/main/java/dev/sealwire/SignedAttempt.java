package dev.sealwire;

/**
 * One signed attempt of an intent.
 *
 * @param frame what is sent
 * @param credentials those that signed, and whose response key verifies the answers
 * @param requestId names the intent
 * @param signedAtMs time by the local clock, in Unix milliseconds
 */
record SignedAttempt(Frame frame, Credentials credentials, String requestId, long signedAtMs) {
  ExpectedAnswer answer(long sequence) {
    return new ExpectedAnswer(credentials.responseKey(), credentials.keyId(), credentials.serverId(), requestId,
        frame.signature(), sequence);
  }
}
