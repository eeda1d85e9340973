package dev.sealwire;

import com.google.protobuf.ByteString;
import dev.sealwire.v1.Response;
import java.util.List;

/** The target of a watch. It keeps its position, so that the next stream resumes there. */
interface Watched<T> {
  /** The content of one verified message. {@code isNews} is false for a heartbeat, {@code isOver} true for the last. */
  record Update<T>(List<T> items, boolean isNews, boolean isOver) {}

  /** The request of one stream. */
  record Request(String tool, String typeUrl, ByteString args) {}

  /** True if the server has confirmed the target before the watch. */
  boolean isKnown();

  /** Returns the request of the next stream. {@code end}: how the one before ended, null for the first. */
  Request request(StreamEnd end);

  /** Reads a verified message. Throws FailureException if it contradicts an earlier one. */
  Update<T> read(Response response);
}
