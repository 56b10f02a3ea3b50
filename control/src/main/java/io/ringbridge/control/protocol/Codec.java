package io.ringbridge.control.protocol;

import io.ringbridge.control.protocol.Message.Region;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Encodes and decodes payloads (vhost-user, "Payload"). All numbers are little-endian, and every byte sent is
 * initialised.
 */
public final class Codec {
    private static final int INDEX_MASK = 0xFF;
    private static final int NO_DESCRIPTOR = 1 << 8;
    private static final int REGION_BYTES = 32;

    private Codec() {
    }

    /**
     * Decodes a request.
     *
     * @param request the table's row, from {@link Request#of}
     * @param payload the payload, without anything after it
     * @param descriptors the number of descriptors that arrived with it
     * @throws ProtocolException if the size, number of descriptors or layout is not one that the table allows
     */
    public static Message decode(final Request request, final byte[] payload, final int descriptors) {
        if (!request.payload().allows(payload.length)) {
            throw malformed(request, "a payload of " + payload.length + " bytes; allowed: " + request.payload());
        }
        if (!request.descriptors().allows(descriptors)) {
            throw malformed(request, descriptors + " descriptors; allowed: " + request.descriptors());
        }
        final ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        return switch (request) {
            case GET_FEATURES -> new Message.GetFeatures();
            case SET_FEATURES -> new Message.SetFeatures(in.getLong());
            case SET_OWNER -> new Message.SetOwner();
            case RESET_OWNER -> new Message.ResetOwner();
            case SET_MEM_TABLE -> memTable(in, descriptors);
            case SET_LOG_BASE -> logBase(in);
            case SET_LOG_FD -> new Message.SetLogFd();
            case SET_VRING_NUM -> new Message.SetVringNum(in.getInt(), in.getInt());
            case SET_VRING_ADDR -> vringAddr(in);
            case SET_VRING_BASE -> new Message.SetVringBase(in.getInt(), in.getInt());
            case GET_VRING_BASE -> new Message.GetVringBase(in.getInt());
            case SET_VRING_ENDIAN -> new Message.SetVringEndian(in.getInt(), in.getInt());
            case SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR -> vringFd(request, in.getLong(), descriptors);
            case GET_PROTOCOL_FEATURES -> new Message.GetProtocolFeatures();
            case SET_PROTOCOL_FEATURES -> new Message.SetProtocolFeatures(in.getLong());
            case GET_QUEUE_NUM -> new Message.GetQueueNum();
            case SET_VRING_ENABLE -> new Message.SetVringEnable(in.getInt(), in.getInt());
            case SEND_RARP -> new Message.SendRarp(in.getLong());
            case NET_SET_MTU -> new Message.NetSetMtu(in.getLong());
            case SET_BACKEND_REQ_FD -> new Message.SetBackendReqFd();
            case IOTLB_MSG ->
                new Message.Iotlb(in.getLong(), in.getLong(), in.getLong(), in.get() & 0xFF, in.get() & 0xFF);
            case GET_INFLIGHT_FD, SET_INFLIGHT_FD -> new Message.InflightFd(request, in.getLong(), in.getLong(),
                in.getShort() & 0xFFFF, in.getShort() & 0xFFFF);
            case GET_CONFIG, SET_CONFIG ->
                new Message.Config(request, in.getInt(), in.getInt(), in.getInt(), in.slice());
            case VRING_KICK -> new Message.VringKick(in.getInt(), in.getInt());
            case RESET_DEVICE -> new Message.ResetDevice();
            case GET_MAX_MEM_SLOTS -> new Message.GetMaxMemSlots();
            case ADD_MEM_REG, REM_MEM_REG -> memReg(request, in, descriptors);
            case SET_STATUS -> new Message.SetStatus(in.getLong());
            case GET_STATUS -> new Message.GetStatus();
            case GET_SHARED_OBJECT -> new Message.GetSharedObject(in.getLong(), in.getLong());
            case SET_DEVICE_STATE_FD -> new Message.SetDeviceStateFd(in.getInt(), in.getInt());
            case CHECK_DEVICE_STATE -> new Message.CheckDeviceState();
            case SUSPEND -> new Message.Suspend();
            case RESUME -> new Message.Resume();
            case POSTCOPY_ADVISE -> new Message.PostcopyAdvise();
            case POSTCOPY_LISTEN -> new Message.PostcopyListen();
            case POSTCOPY_END -> new Message.PostcopyEnd();
            case CREATE_CRYPTO_SESSION, CLOSE_CRYPTO_SESSION, GPU_SET_SOCKET, GET_SHMEM_CONFIG,
                 GET_VRING_BASE_SKIP_DRAIN -> new Message.Unserved(request);
        };
    }

    private static ProtocolException malformed(final Request request, final String what) {
        return ProtocolException.fatal(request + " has " + what);
    }

    /**
     * Decodes a memory table. Bytes after the regions are ignored: User-Mode Linux sends the whole C structure, unused
     * slots included.
     */
    private static Message memTable(final ByteBuffer in, final int descriptors) {
        final int count = in.getInt();
        in.getInt();
        if (count != descriptors || in.remaining() < REGION_BYTES * count) {
            throw malformed(Request.SET_MEM_TABLE, Integer.toUnsignedString(count) + " regions, " + descriptors
                + " descriptors and " + in.remaining() + " bytes of regions; one descriptor and at least "
                + REGION_BYTES + " bytes are required per region");
        }
        final List<Region> regions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            regions.add(region(in));
        }
        return new Message.SetMemTable(List.copyOf(regions));
    }

    private static Region region(final ByteBuffer in) {
        return new Region(in.getLong(), in.getLong(), in.getLong(), in.getLong());
    }

    private static Message memReg(final Request request, final ByteBuffer in, final int descriptors) {
        final boolean add = request == Request.ADD_MEM_REG;
        final int bytes = in.remaining();
        final long padding = in.getLong();
        if (bytes == Long.BYTES && descriptors == 0) {
            return new Message.MemoryConfirmed(request, padding);
        }
        if (in.remaining() != REGION_BYTES || add && descriptors == 0) {
            throw malformed(request, bytes + " bytes and " + descriptors + " descriptors; "
                + (Long.BYTES + REGION_BYTES) + " bytes are allowed" + (add ? " with a descriptor" : "") + ", or "
                + Long.BYTES + " bytes without one as a confirmation");
        }
        return add ? new Message.AddMemReg(region(in)) : new Message.RemMemReg(region(in));
    }

    private static Message logBase(final ByteBuffer in) {
        return new Message.SetLogBase(in.getLong(), in.remaining() >= 8 ? in.getLong() : 0);
    }

    private static Message vringAddr(final ByteBuffer in) {
        return new Message.SetVringAddr(
            in.getInt(), in.getInt(), in.getLong(), in.getLong(), in.getLong(), in.getLong());
    }

    private static Message vringFd(final Request request, final long word, final int descriptors) {
        if ((word & ~(INDEX_MASK | NO_DESCRIPTOR)) != 0) {
            throw malformed(request, "reserved bits in 0x" + Long.toHexString(word) + "; bits 0 to 8 are allowed");
        }
        final boolean none = (word & NO_DESCRIPTOR) != 0;
        if (none != (descriptors == 0)) {
            throw malformed(request, descriptors + " descriptors, and bit 8 is " + (none ? "set" : "clear")
                + "; bit 8 must be set exactly if there is no descriptor");
        }
        return new Message.SetVringFd(request, (int) (word & INDEX_MASK), !none);
    }

    /** Returns the payload of a request. */
    public static byte[] encode(final Message message) {
        return switch (message) {
            case Message.SetFeatures m -> number(m.features());
            case Message.SetMemTable m -> memTable(m);
            case Message.SetLogBase m -> out(16).putLong(m.size()).putLong(m.offset()).array();
            case Message.SetVringNum m -> vringState(m.index(), m.num());
            case Message.SetVringAddr m -> out(40).putInt(m.index()).putInt(m.flags()).putLong(m.descriptor())
                .putLong(m.used()).putLong(m.available()).putLong(m.log()).array();
            case Message.SetVringBase m -> vringState(m.index(), m.num());
            case Message.GetVringBase m -> vringState(m.index(), 0);
            case Message.SetVringEndian m -> vringState(m.index(), m.num());
            case Message.SetVringFd m -> number((m.index() & INDEX_MASK) | (m.hasDescriptor() ? 0 : NO_DESCRIPTOR));
            case Message.SetProtocolFeatures m -> number(m.features());
            case Message.SetVringEnable m -> vringState(m.index(), m.num());
            case Message.SendRarp m -> number(m.address());
            case Message.NetSetMtu m -> number(m.mtu());
            case Message.Iotlb m -> out(32).putLong(m.address()).putLong(m.size()).putLong(m.userAddress())
                .put((byte) m.permissions()).put((byte) m.type()).array();
            case Message.InflightFd m -> out(24).putLong(m.size()).putLong(m.offset())
                .putShort((short) m.queues()).putShort((short) m.queueSize()).array();
            case Message.Config m -> out(12 + m.bytes().remaining()).putInt(m.offset()).putInt(m.size())
                .putInt(m.flags()).put(m.bytes().duplicate()).array();
            case Message.VringKick m -> vringState(m.index(), m.num());
            case Message.AddMemReg m -> put(out(40).putLong(0), m.region()).array();
            case Message.RemMemReg m -> put(out(40).putLong(0), m.region()).array();
            case Message.MemoryConfirmed m -> number(m.result());
            case Message.SetStatus m -> number(m.status());
            case Message.GetSharedObject m -> out(16).putLong(m.first()).putLong(m.second()).array();
            case Message.SetDeviceStateFd m -> vringState(m.direction(), m.phase());
            case Message.GetFeatures _, Message.SetOwner _, Message.ResetOwner _, Message.SetLogFd _,
                 Message.GetProtocolFeatures _, Message.GetQueueNum _, Message.SetBackendReqFd _, Message.ResetDevice _,
                 Message.GetMaxMemSlots _, Message.GetStatus _, Message.CheckDeviceState _, Message.Suspend _,
                 Message.Resume _, Message.PostcopyAdvise _, Message.PostcopyListen _, Message.PostcopyEnd _ ->
                out(0).array();
            case Message.Unserved m ->
                throw new IllegalArgumentException(m.request() + " is not sent by a network front-end");
        };
    }

    private static ByteBuffer out(final int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] memTable(final Message.SetMemTable table) {
        final byte[] bytes = new byte[8 + REGION_BYTES * table.regions().size()];
        final ByteBuffer out =
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(table.regions().size()).putInt(0);
        for (final Region region : table.regions()) {
            put(out, region);
        }
        return bytes;
    }

    private static ByteBuffer put(final ByteBuffer out, final Region region) {
        return out.putLong(region.guestAddress()).putLong(region.size())
            .putLong(region.userAddress()).putLong(region.offset());
    }

    /** Returns a payload of one 64-bit number. */
    public static byte[] number(final long value) {
        return out(8).putLong(value).array();
    }

    /** Returns a payload of a ring's index and a number. */
    public static byte[] vringState(final int index, final int num) {
        return out(8).putInt(index).putInt(num).array();
    }

    /**
     * Reads a payload of one 64-bit number.
     *
     * @throws ProtocolException if the payload has another size
     */
    public static long number(final byte[] payload) {
        if (payload.length != 8) {
            throw ProtocolException.fatal("a reply has a payload of " + payload.length + " bytes; 8 are allowed");
        }
        return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    /**
     * Reads the number from a payload of a ring's index and a number.
     *
     * @throws ProtocolException if the payload has another size, or names another ring
     */
    public static int vringNumber(final byte[] payload, final int index) {
        final long word = number(payload);
        if ((int) word != index) {
            throw ProtocolException.fatal("a reply is for vring " + Integer.toUnsignedString((int) word)
                + "; the request was for vring " + index);
        }
        return (int) (word >>> 32);
    }
}
