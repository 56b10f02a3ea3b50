/**
 * What is measured: any vhost-user back-end by its sockets, or this switch, started for the purpose.
 *
 * <p>A {@link io.ringbridge.bench.backend.Target} gives front-ends that are connected, a {@link io.ringbridge.bench.backend.Guest} is one
 * that has rings. They belong to the thread that made them.
 */
package io.ringbridge.bench.backend;
