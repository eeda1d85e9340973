package dev.sealwire;

import com.google.protobuf.Any;
import com.google.protobuf.UnsafeByteOperations;
import dev.sealwire.v1.Envelope;
import java.lang.System.Logger.Level;
import java.security.SecureRandom;
import java.util.Objects;

/** Signs attempts, each with a new nonce and the time by the server's clock as far as it is known. */
final class Signer {
  /** How often one call tries other credentials, without progress in between. */
  static final int RENEWALS_MAX = 3;

  private static final int NONCE_BYTES = 16;

  /** The largest correction of the clock, 24 h. */
  private static final double OFFSET_MOST_MS = 86_400_000;

  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final CredentialsSource source;

  /** What the source gave last. */
  private volatile Credentials credentials;

  private final SecureRandom random = new SecureRandom();
  private volatile double offsetMs;

  Signer(CredentialsSource source) {
    this.source = source;
    credentials = source.current();
  }

  SignedAttempt sign(String method, Intent intent) {
    var credentials = current();
    var nonce = new byte[NONCE_BYTES];
    random.nextBytes(nonce);
    var signedAtMs = System.currentTimeMillis();
    var envelope = Envelope.newBuilder()
        .setV(Signing.VERSION)
        .setRequestId(intent.requestId())
        .setTsMs(Math.round(signedAtMs + offsetMs))
        .setClientId(credentials.clientId())
        .setServerId(credentials.serverId())
        .setTool(intent.tool())
        .setArgs(Any.newBuilder().setTypeUrl(intent.typeUrl()).setValue(intent.args()))
        .setNonce(UnsafeByteOperations.unsafeWrap(nonce))
        .setDefinitionDigest(intent.definitionDigest())
        .build();
    var frame = Signing.signRequest(credentials.requestKey(), credentials.keyId(), method, envelope.toByteString());
    return new SignedAttempt(frame, credentials, intent.requestId(), signedAtMs);
  }

  /** True if there are other credentials after an attempt was refused for its own. */
  boolean renew(SignedAttempt attempt, Failure failure) {
    if (!failure.isOfCredentials()) return false;
    try {
      return source.renew(attempt.credentials());
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "The source of the credentials has thrown.", e);
      return false;
    }
  }

  /** The current credentials. A source that throws must not leave a call without an end: its previous ones stay. */
  private Credentials current() {
    try {
      credentials = Objects.requireNonNull(source.current());
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "The source of the credentials has thrown; the previous ones stay.", e);
    }
    return credentials;
  }

  /**
   * Adopts the server's clock from a verified answer that has just arrived: it signed between sending and receiving, and the
   * middle is the best estimate. False if the clocks differ by more than 24 h.
   */
  boolean adoptServerTime(long serverTimeMs, SignedAttempt attempt) {
    var correctionMs = serverTimeMs - (attempt.signedAtMs() + System.currentTimeMillis()) / 2.0;
    if (Math.abs(correctionMs) > OFFSET_MOST_MS) return false;
    offsetMs = correctionMs;
    return true;
  }
}
