package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class AddressesTest {
  @Test
  void aListIsSplitAtCommas() {
    assertEquals(List.of("a:1", "[::1]:2", "unix:/x"), Addresses.parse("a:1 , [::1]:2,unix:/x"));
    for (var wrong : List.of("", "a:1,", "a:0", "a:70000", "http://a", "a b:1", "a\n:1")) {
      assertThrows(IllegalArgumentException.class, () -> Addresses.parse(wrong), wrong);
    }
  }

  @Test
  void loopbackIsThisMachineOnly() {
    for (var here : List.of("127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/x", "dns:///localhost:1", "127.9.9.9:1")) {
      assertTrue(Addresses.isLoopback(here), here);
    }
    for (var away : List.of("10.0.0.1:1", "localhost.example:1", "[::2]:1", "dns://10.0.0.1/localhost:1", "a:1")) {
      assertFalse(Addresses.isLoopback(away), away);
    }
  }

  @Test
  void plainTextToAnotherMachineMustBeAllowed() {
    var builder = Sealwire.builder().credentials(Credentials.parse(TestCredentials.json())).address("192.0.2.1:443");
    assertThrows(IllegalArgumentException.class, builder::build);
    builder.dangerouslyAllowRemotePlaintext().build().close();
  }
}
