package dev.sealwire;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A key of a client, for HMAC-SHA256. Its text form says nothing about it. Safe for use by several threads. */
public final class HmacKey {
  private static final String ALGORITHM = "HmacSHA256";
  private static final int LEAST_BYTES = 32;
  private static final int MOST_BYTES = 1024;

  /** Holds the key. It is copied for each use, which costs less than a lookup of the algorithm. */
  private final Mac template;

  private final byte[] bytes;

  private HmacKey(byte[] bytes) {
    this.bytes = bytes;
    try {
      template = Mac.getInstance(ALGORITHM);
      template.init(new SecretKeySpec(bytes, ALGORITHM));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("This Java platform has no HMAC-SHA256.", e);
    }
  }

  /**
   * Makes a key of its bytes.
   *
   * @param bytes the key, 32 to 1024 bytes, which are copied
   * @return the key
   * @throws IllegalArgumentException if the number of bytes is another
   */
  public static HmacKey of(byte[] bytes) {
    if (bytes.length < LEAST_BYTES || bytes.length > MOST_BYTES) {
      throw new IllegalArgumentException(
          "The key has " + bytes.length + " bytes; it must have " + LEAST_BYTES + " to " + MOST_BYTES + ".");
    }
    return new HmacKey(bytes.clone());
  }

  /**
   * Reads a request key, which signs what the client sends.
   *
   * @param text {@code sws_} and the key in base64url without padding
   * @return the key
   * @throws IllegalArgumentException if the text is another; the message does not contain it
   */
  public static HmacKey parseRequestKey(String text) {
    return parse("sws_", text);
  }

  /**
   * Reads a response key, which verifies what the client receives.
   *
   * @param text {@code swr_} and the key in base64url without padding
   * @return the key
   * @throws IllegalArgumentException if the text is another; the message does not contain it
   */
  public static HmacKey parseResponseKey(String text) {
    return parse("swr_", text);
  }

  private static HmacKey parse(String prefix, String text) {
    if (!text.startsWith(prefix)) {
      throw new IllegalArgumentException("The key must start with \"" + prefix + "\"; copy it whole.");
    }
    var digits = text.substring(prefix.length());
    byte[] bytes;
    try {
      bytes = Base64.getUrlDecoder().decode(digits);
    } catch (IllegalArgumentException e) {
      bytes = new byte[0];
    }
    // The decoder also takes padding, and bits that no byte has.
    if (!Base64.getUrlEncoder().withoutPadding().encodeToString(bytes).equals(digits)) {
      throw new IllegalArgumentException("The key is not base64url without padding; copy it whole.");
    }
    return of(bytes);
  }

  /**
   * Computes the HMAC-SHA256 of a message.
   *
   * @param message the message, such as {@link Signing#pae} encodes it
   * @return 32 bytes
   */
  public byte[] sign(byte[] message) {
    try {
      return ((Mac) template.clone()).doFinal(message);
    } catch (CloneNotSupportedException e) {
      return new HmacKey(bytes).template.doFinal(message);
    }
  }

  /** True if both are the same key. */
  boolean isSameAs(HmacKey other) {
    return MessageDigest.isEqual(bytes, other.bytes);
  }

  @Override
  public String toString() {
    return "HmacKey(secret)";
  }
}
