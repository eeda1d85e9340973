/**
 * Signed calls of tools over gRPC.
 *
 * <p>{@link dev.sealwire.Sealwire#channel(java.nio.file.Path)} gives a channel for ordinary generated stubs.
 * {@link dev.sealwire.SealwireClient} is the explicit client: tools by name, and handles of jobs.
 * {@link dev.sealwire.Signing} signs and verifies, for programs that send their own frames.
 */
package dev.sealwire;
