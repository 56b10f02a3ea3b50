/**
 * The formats of packets: Ethernet, VLAN tags, virtio-net headers, checksums and segmentation.
 *
 * <p>Functions of bytes, which may be in several pieces. They know no port, queue or verdict. Objects belong to one
 * worker.
 */
@NullMarked
package io.ringbridge.datapath.packet;

import org.jspecify.annotations.NullMarked;
