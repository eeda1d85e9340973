package checker;

import com.google.protobuf.ByteString;
import example.Credentials;
import example.Frame;
import example.Sealwire;

/** The client that is checked: what signs, and what verifies. */
record Subject(Signer signer, Verifier verifier) {
  static final Subject OURS = new Subject(Sealwire::sign, Sealwire::verify);

  /** {@link Sealwire#sign}. */
  interface Signer {
    Frame sign(Credentials who, String method, ByteString content);
  }

  /** {@link Sealwire#verify}. */
  interface Verifier {
    Object verify(Credentials who, Frame answer, ByteString requestSignature, String requestId, long sequence);
  }

  /** One with a fault that the vectors must find. */
  static Subject faulty(String fault) {
    return switch (fault) {
      case "--wrong-signer" -> new Subject(Subject::signAsResponse, OURS.verifier);
      case "--wrong-verifier" -> new Subject(OURS.signer, Subject::believe);
      default -> throw new IllegalArgumentException("no such fault: " + fault);
    };
  }

  /** Takes the label of responses. */
  private static Frame signAsResponse(Credentials who, String method, ByteString content) {
    var signature = Sealwire.mac(who.requestKey(), utf8("response"), utf8(method), utf8(who.keyId()), content);
    return OURS.signer.sign(who, method, content).toBuilder().setSignature(signature).build();
  }

  /** Believes every signature. */
  private static Object believe(Credentials who, Frame answer, ByteString signature, String requestId, long sequence) {
    var right = Sealwire.mac(who.responseKey(), utf8("response"), signature, answer.getContent());
    return Sealwire.verify(who, answer.toBuilder().setSignature(right).build(), signature, requestId, sequence);
  }

  static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }
}
