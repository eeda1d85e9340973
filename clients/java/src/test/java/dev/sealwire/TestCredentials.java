package dev.sealwire;

import com.google.gson.JsonObject;

/** Credentials that no server knows: those of docs/protocol.md. */
final class TestCredentials {
  static final String REQUEST_KEY = "sws_Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2UodT5SXvjx30";
  static final String RESPONSE_KEY = "swr_uhG74BBdwgdvdKBMHVTK9m_knQMKtGvdpvv__NGhp-w";

  private TestCredentials() {}

  static String json() {
    return fields().toString();
  }

  static JsonObject fields() {
    var fields = new JsonObject();
    fields.addProperty("address", "127.0.0.1:50051");
    fields.addProperty("server_id", "calculator");
    fields.addProperty("server_fingerprint", "7a65660018fbb41fdc3a118fe3b1ae33");
    fields.addProperty("client_id", "reports");
    fields.addProperty("key_id", "k_example");
    fields.addProperty("request_key", REQUEST_KEY);
    fields.addProperty("response_key", RESPONSE_KEY);
    return fields;
  }

  static String with(String name, String value) {
    var fields = fields();
    fields.addProperty(name, value);
    return fields.toString();
  }
}
