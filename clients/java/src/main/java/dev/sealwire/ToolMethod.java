package dev.sealwire;

/**
 * A method of the contract.
 *
 * @param tool the name of its tool
 * @param inputType the type URL of the request message
 * @param outputType the type URL of the response message
 * @param isJob true if a call starts a job
 * @param isRepeatable true if a call that is executed twice does no harm; never true of a job
 * @param progressField the field of a streamed message that reports progress; 0 unless it is a streaming job method
 * @param definition what a model is shown of the tool; null if the contract does not list it
 */
record ToolMethod(
    String tool, String inputType, String outputType, boolean isJob, boolean isRepeatable, int progressField,
    ListedDefinition definition) {
  /** A tool that the contract does not list. */
  static ToolMethod unlisted(String tool, String inputType, String outputType) {
    return new ToolMethod(tool, inputType, outputType, false, false, 0, null);
  }
}
