/**
 * What the datapath needs of Linux: event descriptors, memory files, mappings, epoll, processor affinity.
 *
 * <p>{@code Libc} is the only user of the foreign function linker. Any thread may call in; each object says who owns it.
 */
package io.ringbridge.datapath.os;
