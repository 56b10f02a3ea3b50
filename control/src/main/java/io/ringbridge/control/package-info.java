/**
 * Links: they connect ports to guests and to network devices.
 */
@NullMarked
package io.ringbridge.control;

import org.jspecify.annotations.NullMarked;
