package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class CredentialsTest {
  private static final String SECRET = TestCredentials.REQUEST_KEY.substring(4, 30);

  @Test
  void theTextFormHasNoSecret() {
    var text = Credentials.parse(TestCredentials.json()).toString();
    assertTrue(text.contains("reports"));
    assertFalse(text.contains(SECRET));
  }

  @Test
  void anErrorNamesTheFieldAndContainsNoSecret() {
    assertRefused("request_key", TestCredentials.with("request_key", TestCredentials.RESPONSE_KEY));
    assertRefused("request_key", TestCredentials.with("request_key", TestCredentials.REQUEST_KEY + "="));
    assertRefused("response_key", TestCredentials.with("response_key", "swr_abc"));
    assertRefused("key_id", TestCredentials.with("key_id", "two words"));
    assertRefused("server_fingerprint", TestCredentials.with("server_fingerprint", "7A"));
    assertRefused("address", TestCredentials.with("address", "http://localhost"));
    assertRefused("address", TestCredentials.with("address", "localhost:1,"));
    var missing = TestCredentials.fields();
    missing.remove("client_id");
    assertRefused("client_id", missing.toString());
    var twice = TestCredentials.json().replace("{", "{\"key_id\": \"other\", ");
    assertRefused("key_id", twice);
    assertRefused("JSON", TestCredentials.json().replace("}", ""));
    assertRefused("JSON", "[]");
    assertRefused("JSON", TestCredentials.json() + "{}");
  }

  @Test
  void membersThatAreNotKnownAreIgnored() {
    assertEquals("reports", Credentials.parse(TestCredentials.with("note", "x")).clientId());
  }

  @Test
  void theEnvironmentHasEveryField() {
    var variables = Map.of(
        "SEALWIRE_ADDRESS", "unix:/run/tools.sock",
        "SEALWIRE_SERVER_ID", "calculator",
        "SEALWIRE_SERVER_FINGERPRINT", "7a65660018fbb41fdc3a118fe3b1ae33",
        "SEALWIRE_CLIENT_ID", "reports",
        "SEALWIRE_KEY_ID", "k_example",
        "SEALWIRE_REQUEST_KEY", TestCredentials.REQUEST_KEY,
        "SEALWIRE_RESPONSE_KEY", TestCredentials.RESPONSE_KEY);
    assertEquals("unix:/run/tools.sock", Credentials.fromEnvironment(variables).address());
    var thrown = assertThrows(CredentialsException.class, () -> Credentials.fromEnvironment(Map.of()));
    assertTrue(thrown.getMessage().contains("SEALWIRE_ADDRESS is missing"));
  }

  @Test
  void aFileThatOthersCanReadIsRefused(@TempDir Path folder) throws IOException {
    var path = write(folder, TestCredentials.json(), "rw-r-----");
    var thrown = assertThrows(CredentialsException.class, () -> Credentials.read(path));
    assertTrue(thrown.getMessage().contains("chmod 600"));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
    assertEquals("k_example", Credentials.read(path).keyId());
    var absent = assertThrows(CredentialsException.class, () -> Credentials.read(folder.resolve("absent.json")));
    assertTrue(absent.getMessage().contains("absent.json"));
  }

  @Test
  void aFileOfRootMayBeReadableForTheGroupOfAnotherReader() {
    assertFalse(PrivateFile.isOpen(0100440, true, false));
    assertTrue(PrivateFile.isOpen(0100460, true, false));
    assertTrue(PrivateFile.isOpen(0100444, true, false));
    assertTrue(PrivateFile.isOpen(0100440, true, true));
    assertTrue(PrivateFile.isOpen(0100440, false, false));
    assertFalse(PrivateFile.isOpen(0100600, false, false));
  }

  @Test
  void aReplacedFileIsUsedOnceTheKeyIsRefused(@TempDir Path folder) throws IOException {
    var path = write(folder, TestCredentials.json(), "rw-------");
    var source = CredentialsSource.file(path);
    var first = source.current();
    assertFalse(source.renew(first));
    write(folder, TestCredentials.with("key_id", "k_next"), "rw-------");
    assertTrue(source.renew(first));
    assertEquals("k_next", source.current().keyId());
    // While a server does not know the new key yet, the one before is used again.
    assertTrue(source.renew(source.current()));
    assertEquals("k_example", source.current().keyId());
  }

  @Test
  void aFileOfAnotherClientOrWithAFaultIsNotAdopted(@TempDir Path folder) throws IOException {
    var path = write(folder, TestCredentials.json(), "rw-------");
    var source = CredentialsSource.file(path);
    var first = source.current();
    write(folder, TestCredentials.with("client_id", "other"), "rw-------");
    assertFalse(source.renew(first));
    write(folder, "{", "rw-------");
    assertFalse(source.renew(first));
    assertEquals("k_example", source.current().keyId());
  }

  /** A pipe gives its content once: opening it again would wait for another writer. */
  @Test
  @Timeout(30)
  void credentialsFromAPipeAreReadOnce(@TempDir Path folder) throws Exception {
    var path = folder.resolve("pipe");
    assertEquals(0, new ProcessBuilder("mkfifo", "-m", "600", path.toString()).start().waitFor());
    var writer = CompletableFuture.runAsync(() -> {
      try (var pipe = Files.newBufferedWriter(path)) {
        Thread.sleep(100);
        pipe.write(TestCredentials.json());
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    var source = CredentialsSource.file(path);
    writer.get();
    var renewed = CompletableFuture.supplyAsync(() -> source.renew(source.current()));
    assertFalse(renewed.get(5, TimeUnit.SECONDS));
    assertEquals("k_example", source.current().keyId());
  }

  private static void assertRefused(String named, String json) {
    var message = assertThrows(CredentialsException.class, () -> Credentials.parse(json)).getMessage();
    assertTrue(message.contains(named), message);
    assertFalse(message.contains(SECRET), message);
    assertFalse(message.contains(TestCredentials.RESPONSE_KEY.substring(4, 30)), message);
  }

  private static Path write(Path folder, String text, String mode) throws IOException {
    var path = folder.resolve("client.json");
    var next = Files.writeString(folder.resolve("next.json"), text);
    Files.setPosixFilePermissions(next, PosixFilePermissions.fromString(mode));
    return Files.move(next, path, StandardCopyOption.REPLACE_EXISTING);
  }
}
