package dev.sealwire;

/**
 * What is known of a call that has failed.
 *
 * @param tool the name of the tool
 * @param isRepeatable true if a call that is executed twice does no harm
 * @param requestId names the intent
 * @param jobId set once the job was accepted, otherwise null
 */
record FailedCall(String tool, boolean isRepeatable, String requestId, String jobId) {}
