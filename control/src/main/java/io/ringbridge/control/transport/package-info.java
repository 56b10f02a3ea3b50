/**
 * Unix sockets that carry vhost-user messages with descriptors: connecting, listening, receiving, sending.
 *
 * <p>A connection belongs to one thread; other threads may only call its {@code shutdown}. A descriptor that arrived
 * with a message belongs to the message until somebody takes it. Closing the message closes the others.
 */
@NullMarked
package io.ringbridge.control.transport;

import org.jspecify.annotations.NullMarked;
