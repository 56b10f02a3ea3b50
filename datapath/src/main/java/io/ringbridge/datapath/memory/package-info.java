/**
 * Guest memory: raw access to it, its regions, and translation of the addresses that guests supply.
 *
 * <p>{@code Memory} is the only class that touches raw addresses. {@code GuestMemory} is immutable and read by workers; sessions
 * make it and close its mappings once every worker has let go.
 */
package io.ringbridge.datapath.memory;
