/**
 * The configuration of a switch: reads and validates the configuration file and the {@code key=value} form of a port.
 *
 * <p>All external input is validated here, once, and is immutable afterwards. An error names the file, the line, the
 * key and what is allowed. Any thread may call.
 */
@NullMarked
package io.ringbridge.config;

import org.jspecify.annotations.NullMarked;
