package dev.sealwire;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A credentials file, read once.
 *
 * @param credentials its content
 * @param version changes with the content, the mode and the target of a link
 */
record PrivateFile(Credentials credentials, String version) {
  private static final int OTHERS = 077;

  /** A file of root may be readable for the group of another reader, as secrets of a cluster are. */
  private static final int OTHERS_BUT_GROUP = 037;

  private static final int PERMISSIONS = 07777;

  /** Reads a file. Throws CredentialsException if others can read it or if it is not right. */
  static PrivateFile read(Path path) {
    try {
      var version = versionOf(path);
      if (Files.isDirectory(path)) {
        throw new CredentialsException("The credentials file " + path + " is a folder; give a file.");
      }
      checkMode(path);
      var json = decode(path, Files.readAllBytes(path));
      return new PrivateFile(
          new Credentials(CredentialsFields.ofJson(json, "The credentials in " + path)), version);
    } catch (NoSuchFileException e) {
      throw new CredentialsException(
          "The credentials file " + path.toAbsolutePath() + " is needed, but there is no such file.", e);
    } catch (IOException e) {
      throw new CredentialsException("The credentials file " + path.toAbsolutePath() + " cannot be read.", e);
    }
  }

  /** Identifies the version of a file without reading it. */
  static String versionOf(Path path) throws IOException {
    if (!hasModes(path)) return Files.getLastModifiedTime(path) + ":" + Files.size(path);
    var seen = Files.readAttributes(path, "unix:dev,ino,ctime,lastModifiedTime,size");
    return seen.get("dev") + ":" + seen.get("ino") + ":" + seen.get("ctime") + ":" + seen.get("lastModifiedTime") + ":"
        + seen.get("size");
  }

  /** Other systems than POSIX have no such modes. */
  private static void checkMode(Path path) throws IOException {
    if (!hasModes(path)) return;
    var seen = Files.readAttributes(path, "unix:mode,uid");
    var mode = (int) seen.get("mode");
    if (!isOpen(mode, (int) seen.get("uid") == 0, "root".equals(System.getProperty("user.name")))) return;
    throw new CredentialsException(
        "The credentials file " + path + " has mode " + String.format("%04o", mode & PERMISSIONS)
            + ": users other than its owner can read its secrets.\nchmod 600 " + quoted(path));
  }

  /** True if a file of secrets is open to others. */
  static boolean isOpen(int mode, boolean isOfRoot, boolean isReaderRoot) {
    return (mode & (isOfRoot && !isReaderRoot ? OTHERS_BUT_GROUP : OTHERS)) != 0;
  }

  private static boolean hasModes(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("unix");
  }

  private static String decode(Path path, byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new CredentialsException("The credentials in " + path + " are refused: they are not UTF-8 text.");
    }
  }

  private static String quoted(Path path) {
    return "'" + path.toString().replace("'", "'\\''") + "'";
  }
}
