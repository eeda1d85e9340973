package example;

import io.jsonwebtoken.Claims;
import io.jsonwebtoken.Header;
import io.jsonwebtoken.JwtException;
import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.UnsupportedJwtException;
import io.jsonwebtoken.security.Jwk;
import io.jsonwebtoken.security.Jwks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.Key;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Checks assertions with the keys of a JWKS file, which is read again when it changes. Accepts each one once. */
final class Verifier {
  private static final Duration LIFETIME = Duration.ofSeconds(60);
  private static final Duration LEEWAY = Duration.ofSeconds(5);

  /** The tool of each method. Without it an assertion for one tool would do for another one that takes the same bytes. */
  private static final Map<String, String> TOOLS =
      Map.of("AddNote", "add_note", "CountWords", "count_words", "HashPages", "hash_pages");

  private final Path jwks;
  private final JwtParser parser;
  private final Map<String, Instant> used = new HashMap<>();
  private List<Object> version;
  private Map<String, Key> keys;

  Verifier(Path jwks, String audience) throws IOException {
    this.jwks = jwks;
    version = version();
    keys = readKeys();
    parser =
        Jwts.parser()
            .keyLocator(this::key)
            .sig()
            .clear()
            .add(Jwts.SIG.ES256)
            .and()
            .requireAudience(audience)
            .clockSkewSeconds(LEEWAY.toSeconds())
            .build();
  }

  /** Checks the assertion of a call. {@code request}: the serialized request, as it was received. */
  synchronized void check(Call call, String assertion, byte[] request) throws RefusedException {
    if (assertion == null) throw new RefusedException("missing");
    Claims claims;
    try {
      claims = parser.parseSignedClaims(assertion).getPayload();
    } catch (JwtException | IllegalArgumentException e) {
      throw new RefusedException(e.getMessage());
    }
    require(claims.getExpiration() != null, "exp is missing");
    var expiry = claims.getExpiration().toInstant();
    require(expiry.isBefore(Instant.now().plus(LIFETIME).plus(LEEWAY)), "it is valid for more than 60 s");
    require(claims.getSubject() != null && claims.getSubject().equals(call.client()), "sub is not sealwire-client-id");
    var tool = TOOLS.get(call.method());
    var isItsTool = tool.equals(call.tool()) && tool.equals(claims.get("tool"));
    require(isItsTool, "tool is not sealwire-tool, or not the tool of " + call.method());
    var isItsAttempt = call.attempt() != null && claims.get("attempt") instanceof Number attempt
        && attempt.doubleValue() == call.attempt();
    require(isItsAttempt, "attempt is not sealwire-attempt");
    require(hash(request).equals(claims.get("args_sha256")), "args_sha256 is not the hash of the request");
    require(claims.getId() != null, "jti is missing");
    used.values().removeIf(until -> until.isBefore(Instant.now()));
    require(used.putIfAbsent(claims.getId(), expiry.plus(LEEWAY)) == null, "jti was used before");
  }

  private Key key(Header header) {
    readKeysIfChanged();
    var key = header.get("kid") instanceof String kid ? keys.get(kid) : null;
    if (key == null) throw new UnsupportedJwtException("kid names no key of the JWKS file");
    return key;
  }

  private void readKeysIfChanged() {
    try {
      var found = version();
      if (found.equals(version)) return;
      version = found;
      keys = readKeys();
    } catch (IOException | JwtException | IllegalArgumentException e) {
      System.err.println(jwks + ": " + e.getMessage() + "; the keys read before stay in use");
    }
  }

  private Map<String, Key> readKeys() throws IOException {
    var set = Jwks.setParser().build().parse(Files.readString(jwks));
    return set.getKeys().stream()
        .filter(jwk -> jwk.getId() != null)
        .collect(Collectors.toMap(Jwk::getId, jwk -> (Key) jwk.toKey()));
  }

  private List<Object> version() throws IOException {
    var attributes = Files.readAttributes(jwks, BasicFileAttributes.class);
    return List.of(attributes.fileKey(), attributes.size(), attributes.lastModifiedTime());
  }

  private static String hash(byte[] bytes) {
    try {
      var digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return Base64.getUrlEncoder().withoutPadding().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static void require(boolean holds, String otherwise) throws RefusedException {
    if (!holds) throw new RefusedException(otherwise);
  }
}
