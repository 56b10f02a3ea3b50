/**
 * Places of attachment: what a port is, its queues, its counters, and why it drops.
 *
 * <p>Sessions call a port's commands from their own threads; each returns when the workers concerned have carried it out. The
 * queues behind it belong to workers.
 */
package io.ringbridge.datapath.port;
