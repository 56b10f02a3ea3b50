/**
 * The way of a switch's state from one process to another: records of bytes and descriptors, over a Unix socket.
 *
 * <p>Nothing here knows what the state means. Objects belong to the thread that made them.
 */
package io.ringbridge.control.handover;
