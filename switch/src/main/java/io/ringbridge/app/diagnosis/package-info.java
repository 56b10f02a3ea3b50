/**
 * Diagnoses ports that do not work, in terms that operators understand.
 *
 * <p>The rules depend on numbers only: {@link io.ringbridge.app.diagnosis.PortReading}, the moves of stations, and a
 * clock. They access neither ports nor files. {@link io.ringbridge.app.diagnosis.PortMonitor} reads the ports once per
 * second on the observer's thread.
 */
@NullMarked
package io.ringbridge.app.diagnosis;

import org.jspecify.annotations.NullMarked;
