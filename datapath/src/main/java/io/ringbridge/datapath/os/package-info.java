/**
 * The datapath's access to Linux: event descriptors, memory files, mappings, epoll and processor affinity.
 *
 * <p>{@code Libc} is the only user of the foreign function linker. Static methods may be called by any thread. Each
 * class states the owner of its objects.
 */
@NullMarked
package io.ringbridge.datapath.os;

import org.jspecify.annotations.NullMarked;
