/**
 * Migration of one session's guest: the dirty log, the device's state and its configuration space, and the
 * announcement after the arrival.
 *
 * <p>The session's thread owns everything here.
 */
@NullMarked
package io.ringbridge.control.backend.migration;

import org.jspecify.annotations.NullMarked;
