/**
 * The live view of a running switch on a terminal.
 *
 * <p>Everything here runs on the thread of the command, except for what JLine does on signals.
 */
@NullMarked
package io.ringbridge.cli.top;

import org.jspecify.annotations.NullMarked;
