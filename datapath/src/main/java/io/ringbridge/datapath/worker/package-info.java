/**
 * The threads that move frames: what a worker does in a duty cycle, and how others make it change.
 */
package io.ringbridge.datapath.worker;
