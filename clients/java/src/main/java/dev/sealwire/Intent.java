package dev.sealwire;

import com.google.protobuf.ByteString;

/**
 * A tool with its arguments and the request id.
 *
 * @param tool the name of the tool
 * @param typeUrl the type of the arguments
 * @param args the serialized arguments
 * @param requestId names the intent
 * @param definitionDigest the accepted definition of the tool; empty if any is
 */
record Intent(String tool, String typeUrl, ByteString args, String requestId, String definitionDigest) {
  static final String TYPE_URL_PREFIX = "type.googleapis.com/";

  /** A call of any definition. */
  Intent(String tool, String typeUrl, ByteString args, String requestId) {
    this(tool, typeUrl, args, requestId, "");
  }
}
