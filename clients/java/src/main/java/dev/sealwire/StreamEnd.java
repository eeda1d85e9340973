package dev.sealwire;

/** Why a stream of a watch ended early. */
sealed interface StreamEnd {
  /** The peer ended it with OK before the watch was complete. */
  record Truncated() implements StreamEnd {}

  /** No message came for 2.5 heartbeat intervals. */
  record Silent() implements StreamEnd {}

  /** It failed. */
  record Failed(Outcome.Failed outcome) implements StreamEnd {}

  /** The failure that it counts as. A watch changes nothing on the server, so none of its streams may have crashed it. */
  default Outcome.Failed asFailed() {
    if (this instanceof Failed failed) {
      return failed.outcome() instanceof Outcome.Unverified unverified
          ? new Outcome.Unverified(unverified.failure(), unverified.isForged(), true, unverified.isAway())
          : failed.outcome();
    }
    var message = this instanceof Silent
        ? "The watch received no message or heartbeat in time."
        : "The stream of the watch ended early.";
    return new Outcome.Unverified(Failure.unreachable(message), false, true, false);
  }
}
