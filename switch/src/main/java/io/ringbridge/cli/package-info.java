/**
 * The command line: one class per command.
 *
 * <p>An error of the user is reported as one line on standard error that starts with {@code ringbridge:}, never as a
 * stack trace.
 */
@NullMarked
package io.ringbridge.cli;

import org.jspecify.annotations.NullMarked;
