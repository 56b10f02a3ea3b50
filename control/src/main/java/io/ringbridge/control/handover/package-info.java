/**
 * The way of a switch's state from one process to another: records of bytes and descriptors, over a Unix socket.
 *
 * <p>Of what the state means only counters are known here, which every port has. Objects belong to the thread that made them.
 */
package io.ringbridge.control.handover;
