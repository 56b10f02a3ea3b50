/**
 * The forwarding table of stations, and the decision where each frame goes.
 *
 * <p>Workers find and learn stations; control threads add, remove and flush them. There are no locks.
 */
@NullMarked
package io.ringbridge.datapath.bridge;

import org.jspecify.annotations.NullMarked;
