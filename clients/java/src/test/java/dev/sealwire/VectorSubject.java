package dev.sealwire;

import com.google.protobuf.ByteString;

/** What the vectors are checked against. */
record VectorSubject(Signer signer, Verifier verifier) {
  static final VectorSubject OURS = new VectorSubject(Signing::signRequest, Signing::verifyResponse);

  /** {@link Signing#signRequest}. */
  interface Signer {
    Frame sign(HmacKey requestKey, String keyId, String method, ByteString envelope);
  }

  /** {@link Signing#verifyResponse}. */
  interface Verifier {
    Object verify(Frame answer, ExpectedAnswer expected);
  }

  /** Its signer takes the label of responses. */
  static VectorSubject withWrongSigner() {
    return new VectorSubject((key, keyId, method, envelope) -> {
      var label = ByteString.copyFromUtf8("response");
      var input = Signing.pae(label, ByteString.copyFromUtf8(method), ByteString.copyFromUtf8(keyId), envelope);
      return new Frame(envelope, keyId, ByteString.copyFrom(key.sign(input)));
    }, OURS.verifier);
  }

  /** Its verifier believes every signature. */
  static VectorSubject withWrongVerifier() {
    return new VectorSubject(OURS.signer, (answer, expected) -> {
      var input = Signing.pae(ByteString.copyFromUtf8("response"), expected.requestSignature(), answer.content());
      var right = ByteString.copyFrom(expected.responseKey().sign(input));
      return Signing.verifyResponse(new Frame(answer.content(), answer.keyId(), right), expected);
    });
  }
}
