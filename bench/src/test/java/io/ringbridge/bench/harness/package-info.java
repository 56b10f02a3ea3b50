/**
 * The kit of the end-to-end tests: QEMU guests with their kernel, image, console and monitor, and capture files.
 *
 * <p>The programs that measurements start as well are in {@link io.ringbridge.bench.peer}.
 */
package io.ringbridge.bench.harness;
