/**
 * What attaches a machine to a port: the options or the configuration of QEMU, libvirt, Cloud Hypervisor, crosvm, and
 * DPDK's virtio-user.
 *
 * <p>Everything here is a function of a port's configuration. Any thread may call.
 */
@NullMarked
package io.ringbridge.cli.attach;

import org.jspecify.annotations.NullMarked;
