package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import archive.v1.AddNoteRequest;
import archive.v1.AddNoteResponse;
import archive.v1.ArchiveToolServiceGrpc.ArchiveToolServiceImplBase;
import archive.v1.CountWordsRequest;
import archive.v1.CountWordsResponse;
import archive.v1.HashPagesRequest;
import archive.v1.HashPagesResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.regex.Pattern;
import dev.sealwire.v1.JobProgress;

/**
 * The tools: an ordinary service, which knows nothing of Sealwire but the idempotency key in the metadata. Sealwire has checked
 * the rules of the contract before it calls; they are checked here again for other callers.
 */
final class Tools extends ArchiveToolServiceImplBase {
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);
  private static final Pattern WORD = Pattern.compile("\\S+", Pattern.UNICODE_CHARACTER_CLASS);

  private final Notes notes;
  private final Duration pauseAfterEffect;
  private final Stopping stopping;

  Tools(Notes notes, Duration pauseAfterEffect, Stopping stopping) {
    this.notes = notes;
    this.pauseAfterEffect = pauseAfterEffect;
    this.stopping = stopping;
  }

  @Override
  public void addNote(AddNoteRequest request, StreamObserver<AddNoteResponse> responses) {
    answer(responses, () -> {
      var length = length(request.getText());
      require(length >= 1 && length <= 1000, "text: must have 1 to 1,000 characters");
      var number = notes.add(request.getText(), Call.CURRENT.get().key());
      stopping.sleep(pauseAfterEffect);
      responses.onNext(AddNoteResponse.newBuilder().setNumber(number).build());
    });
  }

  @Override
  public void countWords(CountWordsRequest request, StreamObserver<CountWordsResponse> responses) {
    answer(responses, () -> {
      require(length(request.getText()) <= 10_000, "text: must have 10,000 characters at most");
      stopping.sleep(pause(request.getPause()));
      var words = WORD.matcher(request.getText()).results().count();
      responses.onNext(CountWordsResponse.newBuilder().setWords(words).build());
    });
  }

  @Override
  public void hashPages(HashPagesRequest request, StreamObserver<HashPagesResponse> responses) {
    answer(responses, () -> {
      var pages = request.getPages();
      require(pages >= 1 && pages <= 10_000, "pages: must be 1 to 10,000");
      var pause = pause(request.getPause());
      var digest = sha256();
      for (var page = 1; page <= pages; page += 1) {
        stopping.sleep(pause);
        digest.update(("page " + page + "\n").getBytes(UTF_8));
        var progress = JobProgress.newBuilder().setCompleted(page).setTotal(pages).setMessage("page " + page);
        responses.onNext(HashPagesResponse.newBuilder().setProgress(progress).build());
      }
      responses.onNext(HashPagesResponse.newBuilder().setSha256(HexFormat.of().formatHex(digest.digest())).build());
    });
  }

  /** Runs a tool to its end, or to the status that it throws. */
  private static void answer(StreamObserver<?> responses, Runnable tool) {
    try {
      tool.run();
      responses.onCompleted();
    } catch (StatusRuntimeException e) {
      responses.onError(e);
    }
  }

  private static Duration pause(com.google.protobuf.Duration pause) {
    var duration = Duration.ofSeconds(pause.getSeconds(), pause.getNanos());
    var isInRange = !duration.isNegative() && duration.compareTo(LONGEST_PAUSE) <= 0;
    require(isInRange, "pause: must be 0 to " + LONGEST_PAUSE.toSeconds() + " seconds");
    return duration;
  }

  private static void require(boolean holds, String rule) {
    if (!holds) throw Status.INVALID_ARGUMENT.withDescription(rule).asRuntimeException();
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
