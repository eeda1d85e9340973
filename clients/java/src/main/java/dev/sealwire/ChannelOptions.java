package dev.sealwire;

import com.google.protobuf.Message;
import dev.sealwire.v1.FieldViolation;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The options of a channel that concern its calls, checked.
 *
 * @param timeoutMs time for a call with all its attempts, or until a job is accepted
 * @param maxAttempts attempts of a call that reach a server
 * @param heartbeatIntervalMs how often a watch asks for a sign of life
 * @param resumeForMs how long a watch is resumed without a verified message
 * @param pins accepted definitions by the names of tools
 * @param check finds the violations of a request before it is sent
 */
record ChannelOptions(
    long timeoutMs,
    int maxAttempts,
    int heartbeatIntervalMs,
    long resumeForMs,
    Map<String, String> pins,
    Function<Message, List<FieldViolation>> check) {
  static final Function<Message, List<FieldViolation>> NO_CHECK = message -> List.of();
  static final ChannelOptions DEFAULT = new ChannelOptions(60_000, 5, 15_000, 300_000, Map.of(), NO_CHECK);

  ChannelOptions withTimeoutMs(long ms) {
    return new ChannelOptions(ms, maxAttempts, heartbeatIntervalMs, resumeForMs, pins, check);
  }

  ChannelOptions withMaxAttempts(int attempts) {
    return new ChannelOptions(timeoutMs, attempts, heartbeatIntervalMs, resumeForMs, pins, check);
  }

  ChannelOptions withHeartbeatIntervalMs(int ms) {
    return new ChannelOptions(timeoutMs, maxAttempts, ms, resumeForMs, pins, check);
  }

  ChannelOptions withResumeForMs(long ms) {
    return new ChannelOptions(timeoutMs, maxAttempts, heartbeatIntervalMs, ms, pins, check);
  }

  ChannelOptions withPins(Map<String, String> digests) {
    return new ChannelOptions(timeoutMs, maxAttempts, heartbeatIntervalMs, resumeForMs, digests, check);
  }

  ChannelOptions withCheck(Function<Message, List<FieldViolation>> other) {
    return new ChannelOptions(timeoutMs, maxAttempts, heartbeatIntervalMs, resumeForMs, pins, other);
  }
}
