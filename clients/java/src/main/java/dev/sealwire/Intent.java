package dev.sealwire;

import com.google.protobuf.ByteString;

/**
 * A tool with its arguments and the request id.
 *
 * @param tool the name of the tool
 * @param typeUrl the type of the arguments
 * @param args the serialized arguments
 * @param requestId names the intent
 */
record Intent(String tool, String typeUrl, ByteString args, String requestId) {
  static final String TYPE_URL_PREFIX = "type.googleapis.com/";
}
