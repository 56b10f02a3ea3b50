/** The command-line options that the commands of {@code ringbridge bench} share. Only one thread uses them. */
package io.ringbridge.bench.options;
