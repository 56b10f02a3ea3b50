/**
 * The running switch: a datapath, its ports with their links (vhost-user back-ends and uplinks), and the views that the
 * API shows.
 *
 * <p>Ports are added and removed on the threads of the callers, one at a time. Frames never pass through this package.
 */
package io.ringbridge.app;
