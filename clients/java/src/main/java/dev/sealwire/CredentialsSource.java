package dev.sealwire;

import java.nio.file.Path;

/** Credentials that may be replaced while they are used. An implementation is used by several threads. */
public interface CredentialsSource {
  /**
   * Returns the credentials for the next attempt. Called for every attempt, so it must not wait and must not throw.
   *
   * @return the credentials
   */
  Credentials current();

  /**
   * Looks for other credentials after a server has refused some. Called at most three times for one call. It may read a
   * file.
   *
   * @param refused the credentials that were used
   * @return true if {@link #current()} now returns others
   */
  boolean renew(Credentials refused);

  /**
   * Follows a credentials file: reads it now, and again when it has changed, within a second or two of use, and before a
   * call fails because its key is refused. A file that cannot be used is logged, and the previous credentials stay. The
   * address is that of the first reading.
   *
   * @param path the file, which only its owner may be able to read
   * @return the source
   * @throws CredentialsException if the file cannot be used now
   */
  static CredentialsSource file(Path path) {
    return new FileCredentials(path);
  }

  /**
   * Gives credentials that do not change.
   *
   * @param credentials the credentials
   * @return the source
   */
  static CredentialsSource fixed(Credentials credentials) {
    return new CredentialsSource() {
      @Override
      public Credentials current() {
        return credentials;
      }

      @Override
      public boolean renew(Credentials refused) {
        return false;
      }
    };
  }

  /**
   * Takes the credentials that the environment names: the file in {@code SEALWIRE_CREDENTIALS}, which is followed, or else the
   * variables of {@link Credentials#fromEnvironment}.
   *
   * @return the source
   * @throws CredentialsException if they cannot be used
   */
  static CredentialsSource environment() {
    var variables = System.getenv();
    var path = variables.getOrDefault("SEALWIRE_CREDENTIALS", "");
    return path.isEmpty() ? fixed(Credentials.fromEnvironment(variables)) : file(Path.of(path));
  }
}
