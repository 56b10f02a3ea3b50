/**
 * The command line: one class a command, and tables for people to read.
 *
 * <p>What the user got wrong is one line on standard error that begins with {@code ringbridge:}, never a stack trace.
 */
package io.ringbridge.cli;
