/**
 * The running switch: a datapath, its ports with their links (vhost-user back-ends and uplinks), and the views that the
 * API shows. {@link io.ringbridge.app.Switch} puts these together.
 *
 * <p>{@link io.ringbridge.app.Ports} adds and removes ports on the threads of the callers, one at a time. Frames never
 * pass through this package.
 */
@NullMarked
package io.ringbridge.app;

import org.jspecify.annotations.NullMarked;
