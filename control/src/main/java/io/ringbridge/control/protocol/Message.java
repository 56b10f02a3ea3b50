package io.ringbridge.control.protocol;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A front-end's request, decoded (vhost-user, "Front-end message types"). Descriptors travel beside it.
 *
 * <p>Numbers are unchecked, exactly as the peer sent them. A ring's index is a full 32-bit number.
 */
public sealed interface Message {
    /** Returns the row of the table. */
    Request request();

    /** A request that a network back-end never serves. */
    record Unserved(Request request) implements Message { }

    /** Queries virtio features. */
    record GetFeatures() implements Message {
        @Override
        public Request request() {
            return Request.GET_FEATURES;
        }
    }

    /** Acknowledges virtio features. */
    record SetFeatures(long features) implements Message {
        @Override
        public Request request() {
            return Request.SET_FEATURES;
        }
    }

    /** Starts a session. */
    record SetOwner() implements Message {
        @Override
        public Request request() {
            return Request.SET_OWNER;
        }
    }

    /** Deprecated. */
    record ResetOwner() implements Message {
        @Override
        public Request request() {
            return Request.RESET_OWNER;
        }
    }

    /** Replaces the memory table, with one descriptor per region. */
    record SetMemTable(List<Region> regions) implements Message {
        @Override
        public Request request() {
            return Request.SET_MEM_TABLE;
        }
    }

    /** Sets the location of the dirty log. */
    record SetLogBase(long size, long offset) implements Message {
        @Override
        public Request request() {
            return Request.SET_LOG_BASE;
        }
    }

    /** Sets the descriptor to signal when the log has changed. */
    record SetLogFd() implements Message {
        @Override
        public Request request() {
            return Request.SET_LOG_FD;
        }
    }

    /** Sets a ring's size. */
    record SetVringNum(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_NUM;
        }
    }

    /** Sets the user addresses of a ring's parts. */
    record SetVringAddr(int index, int flags, long descriptor, long used, long available, long log) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_ADDR;
        }
    }

    /** Sets the position from which a ring resumes. */
    record SetVringBase(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_BASE;
        }
    }

    /** Stops a ring, and queries its position. */
    record GetVringBase(int index) implements Message {
        @Override
        public Request request() {
            return Request.GET_VRING_BASE;
        }
    }

    /** Sets the byte order of a legacy driver's ring: little-endian (0) or big-endian (1). */
    record SetVringEndian(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_ENDIAN;
        }
    }

    /** One of the three messages that set a ring's descriptor, or set none. */
    record SetVringFd(Request request, int index, boolean hasDescriptor) implements Message { }

    /** Queries protocol features. */
    record GetProtocolFeatures() implements Message {
        @Override
        public Request request() {
            return Request.GET_PROTOCOL_FEATURES;
        }
    }

    /** Acknowledges protocol features. */
    record SetProtocolFeatures(long features) implements Message {
        @Override
        public Request request() {
            return Request.SET_PROTOCOL_FEATURES;
        }
    }

    /** Queries the largest number of rings. */
    record GetQueueNum() implements Message {
        @Override
        public Request request() {
            return Request.GET_QUEUE_NUM;
        }
    }

    /** Enables a ring (1) or disables it (0). */
    record SetVringEnable(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_ENABLE;
        }
    }

    /** Requests an announcement. The address is in the first six bytes, in memory order. */
    record SendRarp(long address) implements Message {
        @Override
        public Request request() {
            return Request.SEND_RARP;
        }
    }

    /** Sets the MTU that the guest's driver sees. */
    record NetSetMtu(long mtu) implements Message {
        @Override
        public Request request() {
            return Request.NET_SET_MTU;
        }
    }

    /** Sets the socket for the back-end's own requests. */
    record SetBackendReqFd() implements Message {
        @Override
        public Request request() {
            return Request.SET_BACKEND_REQ_FD;
        }
    }

    /**
     * Updates, invalidates or requests an entry of the I/O address translation. Both sides send these.
     *
     * @param permissions bit 0 to read, bit 1 to write
     */
    record Iotlb(long address, long size, long userAddress, int permissions, int type) implements Message {
        /** Requests an entry. */
        public static final int MISS = 1;
        /** Provides an entry. */
        public static final int UPDATE = 2;
        /** Revokes entries. */
        public static final int INVALIDATE = 3;
        /** Reports that an entry does not allow the access that the driver wants. */
        public static final int ACCESS_FAIL = 4;

        @Override
        public Request request() {
            return Request.IOTLB_MSG;
        }
    }

    /** GET_INFLIGHT_FD or SET_INFLIGHT_FD: the area that records descriptors in flight. */
    record InflightFd(Request request, long size, long offset, int queues, int queueSize) implements Message { }

    /**
     * GET_CONFIG or SET_CONFIG, and the reply to the first.
     *
     * @param flags 0, or 1 in a migration
     * @param bytes the content; it has {@code size} bytes unless the peer is faulty
     */
    record Config(Request request, int offset, int size, int flags, ByteBuffer bytes) implements Message { }

    /** Kicks a ring by message, in place of its eventfd. {@code num} is reserved. */
    record VringKick(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.VRING_KICK;
        }
    }

    /** Resets the device to its initial state. */
    record ResetDevice() implements Message {
        @Override
        public Request request() {
            return Request.RESET_DEVICE;
        }
    }

    /** Queries the largest number of memory regions. */
    record GetMaxMemSlots() implements Message {
        @Override
        public Request request() {
            return Request.GET_MAX_MEM_SLOTS;
        }
    }

    /** Adds a memory region. */
    record AddMemReg(Region region) implements Message {
        @Override
        public Request request() {
            return Request.ADD_MEM_REG;
        }
    }

    /** Removes a memory region. */
    record RemMemReg(Region region) implements Message {
        @Override
        public Request request() {
            return Request.REM_MEM_REG;
        }
    }

    /**
     * Confirms that the front-end has adopted the addresses that the back-end sent in postcopy. The confirmation of a
     * memory table looks like a table without regions.
     *
     * @param result 0 if the front-end succeeded
     */
    record MemoryConfirmed(Request request, long result) implements Message { }

    /** Announces a migration in which pages may be missing, and requests the descriptor that reports faults on them. */
    record PostcopyAdvise() implements Message {
        @Override
        public Request request() {
            return Request.POSTCOPY_ADVISE;
        }
    }

    /** Declares that pages of memory may be missing from now on. */
    record PostcopyListen() implements Message {
        @Override
        public Request request() {
            return Request.POSTCOPY_LISTEN;
        }
    }

    /** Declares that no page is missing any more. */
    record PostcopyEnd() implements Message {
        @Override
        public Request request() {
            return Request.POSTCOPY_END;
        }
    }

    /** Sets the virtio device status. */
    record SetStatus(long status) implements Message {
        @Override
        public Request request() {
            return Request.SET_STATUS;
        }
    }

    /** Queries the virtio device status. */
    record GetStatus() implements Message {
        @Override
        public Request request() {
            return Request.GET_STATUS;
        }
    }

    /** Requests a shared object by its UUID, given as two words in memory order. */
    record GetSharedObject(long first, long second) implements Message {
        @Override
        public Request request() {
            return Request.GET_SHARED_OBJECT;
        }
    }

    /** Starts the transfer of the device's state, out (0) or in (1). */
    record SetDeviceStateFd(int direction, int phase) implements Message {
        @Override
        public Request request() {
            return Request.SET_DEVICE_STATE_FD;
        }
    }

    /** Queries the result of the transfer. */
    record CheckDeviceState() implements Message {
        @Override
        public Request request() {
            return Request.CHECK_DEVICE_STATE;
        }
    }

    /** Suspends the device: everything but this conversation stops. */
    record Suspend() implements Message {
        @Override
        public Request request() {
            return Request.SUSPEND;
        }
    }

    /** Resumes the device. */
    record Resume() implements Message {
        @Override
        public Request request() {
            return Request.RESUME;
        }
    }

    /**
     * A memory region (vhost-user, "Memory regions description").
     *
     * @param guestAddress the address in the guest
     * @param size in bytes
     * @param userAddress the address in the front-end
     * @param offset the start of the region in the file
     */
    record Region(long guestAddress, long size, long userAddress, long offset) { }
}
