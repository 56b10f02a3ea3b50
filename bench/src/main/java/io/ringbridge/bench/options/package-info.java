/** The command-line options that the commands of {@code ringbridge bench} share. Only one thread uses them. */
@NullMarked
package io.ringbridge.bench.options;

import org.jspecify.annotations.NullMarked;
