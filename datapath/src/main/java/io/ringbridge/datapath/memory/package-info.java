/**
 * Guest memory: raw access to it, its regions, and translation of the addresses that guests supply.
 *
 * <p>{@code Memory} is the only class that touches raw addresses. {@code GuestMemory} is immutable and read by workers.
 * Sessions create it, and close its mappings when no worker uses it any more.
 */
@NullMarked
package io.ringbridge.datapath.memory;

import org.jspecify.annotations.NullMarked;
