/**
 * The system under test: any vhost-user back-end, named by its sockets, or one that is started for the measurement.
 *
 * <p>A {@link io.ringbridge.bench.backend.Backend} can be started, and is a target then. A
 * {@link io.ringbridge.bench.backend.Target} connects front-ends. A {@link io.ringbridge.bench.backend.Guest} is a
 * connected front-end with running rings. Each object belongs to the thread that created it.
 */
@NullMarked
package io.ringbridge.bench.backend;

import org.jspecify.annotations.NullMarked;
