/**
 * The machine that a measurement runs on: its processors, huge pages and temporary files, the source tree, and waiting
 * for conditions.
 *
 * <p>A method may be called by any thread, and blocks only the caller.
 */
@NullMarked
package io.ringbridge.bench.machine;

import org.jspecify.annotations.NullMarked;
