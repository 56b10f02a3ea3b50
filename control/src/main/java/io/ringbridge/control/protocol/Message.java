package io.ringbridge.control.protocol;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A front-end's request, decoded (vhost-user, "Front-end message types"). Descriptors travel beside it.
 *
 * <p>Numbers are as the peer gave them, none is checked but for its place in the layout; an index is a full 32-bit number.
 */
public sealed interface Message {
    /** The table's row. */
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

    /** Begins a session. */
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

    /** Replaces the memory table; a descriptor a region. */
    record SetMemTable(List<Region> regions) implements Message {
        @Override
        public Request request() {
            return Request.SET_MEM_TABLE;
        }
    }

    /** Gives the dirty log's place. */
    record SetLogBase(long size, long offset) implements Message {
        @Override
        public Request request() {
            return Request.SET_LOG_BASE;
        }
    }

    /** Gives the descriptor to signal when the log has changed. */
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

    /** Sets where a ring's parts are, as user addresses. */
    record SetVringAddr(int index, int flags, long descriptor, long used, long available, long log) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_ADDR;
        }
    }

    /** Sets where a ring goes on. */
    record SetVringBase(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.SET_VRING_BASE;
        }
    }

    /** Stops a ring, and asks where it was. */
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

    /** One of the three messages that bring a ring's descriptor, or say that there is none. */
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

    /** Asks how many rings there are at most. */
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

    /** Asks for an announcement; the address is in the first six bytes in memory order. */
    record SendRarp(long address) implements Message {
        @Override
        public Request request() {
            return Request.SEND_RARP;
        }
    }

    /** Tells the MTU the guest is told. */
    record NetSetMtu(long mtu) implements Message {
        @Override
        public Request request() {
            return Request.NET_SET_MTU;
        }
    }

    /** Brings the socket for the back-end's own requests. */
    record SetBackendReqFd() implements Message {
        @Override
        public Request request() {
            return Request.SET_BACKEND_REQ_FD;
        }
    }

    /**
     * An entry of the I/O address translation, or what is asked or said of one. Both sides send these.
     *
     * @param permissions bit 0 to read, bit 1 to write
     */
    record Iotlb(long address, long size, long userAddress, int permissions, int type) implements Message {
        /** Asks for an entry. */
        public static final int MISS = 1;
        /** Gives an entry. */
        public static final int UPDATE = 2;
        /** Takes entries back. */
        public static final int INVALIDATE = 3;
        /** Tells that an entry does not allow what the driver wants. */
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
     * @param bytes what comes or goes; {@code size} of them, where the peer does as it says
     */
    record Config(Request request, int offset, int size, int flags, ByteBuffer bytes) implements Message { }

    /** Says that buffers were added to a ring, in place of a signal; {@code num} is reserved. */
    record VringKick(int index, int num) implements Message {
        @Override
        public Request request() {
            return Request.VRING_KICK;
        }
    }

    /** Takes the device back to its beginning. */
    record ResetDevice() implements Message {
        @Override
        public Request request() {
            return Request.RESET_DEVICE;
        }
    }

    /** Asks how many memory regions there may be. */
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
     * The front-end takes over what it was told of memory in postcopy; of a table, the same as one without a region.
     *
     * @param result 0 where it could
     */
    record MemoryConfirmed(Request request, long result) implements Message { }

    /** Announces a migration in which pages may be missing, and asks for the descriptor by which they are told of. */
    record PostcopyAdvise() implements Message {
        @Override
        public Request request() {
            return Request.POSTCOPY_ADVISE;
        }
    }

    /** From now on pages of memory may be missing. */
    record PostcopyListen() implements Message {
        @Override
        public Request request() {
            return Request.POSTCOPY_LISTEN;
        }
    }

    /** No page is missing any more. */
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

    /** Asks to hand over an object by its UUID, two words in memory order. */
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

    /** Asks how the transfer went. */
    record CheckDeviceState() implements Message {
        @Override
        public Request request() {
            return Request.CHECK_DEVICE_STATE;
        }
    }

    /** Ceases all operations but this conversation. */
    record Suspend() implements Message {
        @Override
        public Request request() {
            return Request.SUSPEND;
        }
    }

    /** Takes operations up again. */
    record Resume() implements Message {
        @Override
        public Request request() {
            return Request.RESUME;
        }
    }

    /**
     * A memory region (vhost-user, "Memory regions description").
     *
     * @param guestAddress where the guest sees it
     * @param size in bytes
     * @param userAddress where the front-end sees it
     * @param offset where it begins in the file
     */
    record Region(long guestAddress, long size, long userAddress, long offset) { }
}
