package dev.sealwire;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Credentials of a file that is read again when it has changed. */
final class FileCredentials implements CredentialsSource {
  /** Least time between two looks at the file, unless the server has refused its credentials. */
  private static final long LOOK_INTERVAL_MS = 1_000;

  /** Time in which new credentials may be unknown to a server. */
  private static final long SETTLING_MS = 120_000;

  /** How long the previous credentials are used again after new ones were refused in that time. */
  private static final long FALLBACK_MS = 5_000;

  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final Path path;
  private String version;
  private Credentials newest;

  /** The credentials before the newest, until these are settled or the ones before are refused. */
  private Credentials before;

  private volatile Credentials used;
  private volatile long lookAtMs;
  private volatile long newestAtMs = Long.MIN_VALUE;
  private long settledAtMs = Long.MIN_VALUE;

  FileCredentials(Path path) {
    this.path = path;
    var file = PrivateFile.read(path);
    version = file.version();
    newest = file.credentials();
    used = newest;
    lookAtMs = nowMs() + LOOK_INTERVAL_MS;
  }

  @Override
  public Credentials current() {
    var nowMs = nowMs();
    if (nowMs >= lookAtMs || nowMs >= newestAtMs && newestAtMs != Long.MIN_VALUE) look(nowMs);
    return used;
  }

  private synchronized void look(long nowMs) {
    if (nowMs >= lookAtMs) readIfChanged(nowMs);
    if (newestAtMs != Long.MIN_VALUE && nowMs >= newestAtMs) useNewest();
  }

  @Override
  public synchronized boolean renew(Credentials refused) {
    if (used == refused) readIfChanged(nowMs());
    return used != refused || switchFrom(refused);
  }

  /** Switches between the newest credentials and the ones before. False if there are no others to try. */
  private boolean switchFrom(Credentials refused) {
    var nowMs = nowMs();
    if (refused != newest) {
      before = null;
      useNewest();
      return true;
    }
    if (before == null || nowMs >= settledAtMs) return false;
    used = before;
    newestAtMs = nowMs + FALLBACK_MS;
    return true;
  }

  private void useNewest() {
    used = newest;
    newestAtMs = Long.MIN_VALUE;
  }

  private void readIfChanged(long nowMs) {
    lookAtMs = nowMs + LOOK_INTERVAL_MS;
    try {
      var seen = PrivateFile.versionOf(path);
      // A pipe gives its content once, and opening it again may wait for ever.
      if (seen.equals(version) || !Files.isRegularFile(path)) return;
      // A verdict on this version holds until the file changes.
      version = seen;
      var file = PrivateFile.read(path);
      version = file.version();
      if (!file.credentials().isSameAs(newest)) adopt(file.credentials(), nowMs);
    } catch (NoSuchFileException e) {
      // While it is replaced, a file may be missing for a moment.
      version = "";
    } catch (IOException | CredentialsException e) {
      if (e.getCause() != null) version = "";
      LOG.log(Level.WARNING, "The credentials file {0} has changed and cannot be used; the previous credentials stay. {1}",
          path, e.getMessage());
    }
  }

  private void adopt(Credentials next, long nowMs) {
    if (!next.isOfSameClient(newest)) {
      throw new CredentialsException(
          "They are those of client " + next.clientId() + " for server " + next.serverId() + ", not of "
              + newest.clientId() + " for " + newest.serverId() + "; open a channel of its own with them.");
    }
    before = used;
    settledAtMs = nowMs + SETTLING_MS;
    newest = next;
    useNewest();
    LOG.log(Level.INFO, "The credentials in {0} were read again; the key is now {1}.", path, next.keyId());
  }

  private static long nowMs() {
    return System.nanoTime() / 1_000_000;
  }
}
