/**
 * The guest memory of one session, and pages that arrive late in a migration by postcopy.
 *
 * <p>{@link io.ringbridge.control.backend.memory.MemoryTable} is the entry. The session's thread owns everything here.
 */
@NullMarked
package io.ringbridge.control.backend.memory;

import org.jspecify.annotations.NullMarked;
