/**
 * What the switch knows about stations: the forwarding table, and the verdict on each frame.
 *
 * <p>Workers read and learn; control threads add, remove and flush. No lock.
 */
package io.ringbridge.datapath.bridge;
