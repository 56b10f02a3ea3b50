/**
 * Transfers a switch's state from one process to another: records of bytes and descriptors over a Unix socket.
 *
 * <p>This package interprets none of the state except the counters, which every port has. An object belongs to the
 * thread that created it.
 */
@NullMarked
package io.ringbridge.control.handover;

import org.jspecify.annotations.NullMarked;
