/**
 * The way of a frame from a transmit queue to a receive queue: taken by {@code Ingress}, decided by the bridge, and
 * delivered by {@code Egress}, with the account of the work that each queue causes.
 *
 * <p>Every worker has its own objects. {@code Inbox} is what other workers may use.
 */
@NullMarked
package io.ringbridge.datapath.forward;

import org.jspecify.annotations.NullMarked;
