/**
 * What a switch is to be: the configuration file and the {@code key=value} form of a port, read and checked.
 *
 * <p>Everything that comes from outside is checked here, once, and is immutable afterwards. An error names the file, the line, the
 * key and what is allowed. Any thread may call in.
 */
package io.ringbridge.config;
