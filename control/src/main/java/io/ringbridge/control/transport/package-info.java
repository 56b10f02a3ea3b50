/**
 * Unix sockets that carry vhost-user messages with descriptors: connecting, listening, receiving, sending.
 *
 * <p>A connection belongs to one thread; only its {@code shutdown} is for others. A descriptor that a message brought belongs to the
 * message until somebody takes it, and is closed with the message otherwise.
 */
package io.ringbridge.control.transport;
