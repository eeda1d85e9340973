package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import java.io.IOException;

/** The messages with progress that a streaming job method gives before its output. */
final class ProgressMessages {
  private static final int LARGEST_TAG_AND_LENGTH = 10;

  private final int field;
  private ByteString told = ByteString.EMPTY;

  /** {@code field}: the number of the field that reports progress; 0 for none. */
  ProgressMessages(int field) {
    this.field = field;
  }

  /** The message of a state, serialized; null if it has no progress, or the same as the one before. */
  ByteString of(Job job) {
    if (field == 0 || !job.hasProgress() || job.getState() != JobState.JOB_STATE_RUNNING) return null;
    var progress = job.getProgress().toByteString();
    if (progress.equals(told)) return null;
    told = progress;
    var bytes = ByteString.newOutput(progress.size() + LARGEST_TAG_AND_LENGTH);
    var out = CodedOutputStream.newInstance(bytes);
    try {
      out.writeBytes(field, progress);
      out.flush();
    } catch (IOException e) {
      throw new IllegalStateException("Bytes in memory cannot be written.", e);
    }
    return bytes.toByteString();
  }
}
