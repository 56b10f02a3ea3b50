/**
 * The vhost-user protocol: its messages as tables and records, and their encoding.
 *
 * <p>Pure functions and immutable values; any thread may call in. {@link io.ringbridge.control.protocol.Request} is the
 * specification's list of messages. Both sides share {@link io.ringbridge.control.protocol.Codec}.
 */
@NullMarked
package io.ringbridge.control.protocol;

import org.jspecify.annotations.NullMarked;
