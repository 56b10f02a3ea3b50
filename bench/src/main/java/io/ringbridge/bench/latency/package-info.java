/**
 * {@code ringbridge bench latency}: how long frames take, from when each was to be sent until it was received.
 *
 * <p>Times are on a schedule, and count from it: a back-end that stands still for a while is not asked less for it, and every frame that
 * should have gone in that while is late (what leaves them out is known as coordinated omission). One thread does everything; the load has
 * threads of its own.
 */
package io.ringbridge.bench.latency;
