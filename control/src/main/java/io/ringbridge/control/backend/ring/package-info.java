/**
 * The rings of one session: their setup, when they start and stop, and the records that let them resume.
 *
 * <p>{@link io.ringbridge.control.backend.ring.Rings} is the entry. The session's thread owns everything here. The
 * port's workers acknowledge each command before the thread closes anything that they could still use.
 */
@NullMarked
package io.ringbridge.control.backend.ring;

import org.jspecify.annotations.NullMarked;
