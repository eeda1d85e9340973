package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class CallSettingsTest {
  @Test
  void theMetadataHoldTheRequestIdAndTheTraceContext() {
    var parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    var headers =
        CallSettings.DEFAULT.withTraceparent(parent).withTracestate("a=1,b=2").withRequestId("mine").headers();
    assertEquals("mine", headers.get(CallMetadata.REQUEST_ID));
    assertEquals(parent, headers.get(CallMetadata.TRACEPARENT));
    assertEquals("a=1,b=2", headers.get(CallMetadata.TRACESTATE));
    assertTrue(CallSettings.DEFAULT.headers().keys().isEmpty());
  }

  @Test
  void aTimeThatNeverComesIsTaken() {
    var deadline = CallSettings.DEFAULT.withTimeout(Duration.ofSeconds(Long.MAX_VALUE)).options().getDeadline();
    assertTrue(deadline.timeRemaining(TimeUnit.DAYS) > 10_000);
  }
}
