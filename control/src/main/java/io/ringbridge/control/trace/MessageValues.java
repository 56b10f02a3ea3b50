package io.ringbridge.control.trace;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.packet.MacAddress;
import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The content of messages in words: features and status bits by name, addresses and sizes of memory in hexadecimal,
 * rings by their index.
 */
public final class MessageValues {
    private static final String VRING = "vring";
    private static final String FEATURES = "features";
    private static final String STATUS = "status";
    private static final String SIZE = "size";
    private static final String OFFSET = "offset";
    private static final String RESULT = "result";
    /** The bits of the device status (virtio 1.2, section 2.1), by their numbers. */
    private static final Map<Integer, String> STATUS_BITS = Map.of(0, "acknowledge", 1, "driver", 2, "driver_ok",
        3, "features_ok", 4, "suspend", 6, "needs_reset", 7, "failed");
    private static final List<String> TRANSLATIONS = List.of("0", "miss", "update", "invalidate", "access-fail");

    private final Map<String, String> values = new LinkedHashMap<>();

    private MessageValues() {
    }

    /** Returns the content of a front-end's request. */
    public static Map<String, String> of(final Message message) {
        final MessageValues words = new MessageValues();
        words.add(message);
        return words.values;
    }

    /**
     * Returns the content of a reply.
     *
     * @param request null if the request is unknown
     */
    public static Map<String, String> ofReply(final @Nullable Request request, final byte[] payload) {
        final MessageValues words = new MessageValues();
        final ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        if (request == Request.GET_VRING_BASE && payload.length == 2 * Integer.BYTES) {
            words.number(VRING, in.getInt()).number("position", in.getInt());
        } else if (request == Request.GET_CONFIG && payload.length >= 2 * Integer.BYTES) {
            words.number(OFFSET, in.getInt()).number(SIZE, in.getInt());
        } else if (request == Request.GET_INFLIGHT_FD && payload.length >= 2 * Long.BYTES) {
            words.hex(SIZE, in.getLong()).hex(OFFSET, in.getLong());
        } else if (payload.length == Long.BYTES) { // also the reply to a request of any kind that was refused
            words.result(request, in.getLong());
        }
        return words.values;
    }

    /** Returns the content of a request that the back-end sends. */
    public static Map<String, String> of(final BackendRequest request, final byte[] payload) {
        final MessageValues words = new MessageValues();
        final ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        switch (request) {
            case IOTLB_MSG -> words.add(
                new Message.Iotlb(in.getLong(), in.getLong(), in.getLong(), in.get() & 0xFF, in.get() & 0xFF));
            case VRING_CALL, VRING_ERR -> words.number(VRING, in.getInt());
            default -> { } // has no content, or is never sent
        }
        return words.values;
    }

    private void result(final @Nullable Request request, final long value) {
        switch (request) {
            case GET_FEATURES -> text(FEATURES, virtio(value));
            case GET_PROTOCOL_FEATURES -> text(FEATURES, protocol(value));
            case GET_STATUS -> text(STATUS, status(value));
            case GET_QUEUE_NUM -> number("vrings", value);
            case GET_MAX_MEM_SLOTS -> number("slots", value);
            case null, default -> number(RESULT, value);
        }
    }

    private void add(final Message message) {
        switch (message) {
            case Message.SetFeatures m -> text(FEATURES, virtio(m.features()));
            case Message.SetProtocolFeatures m -> text(FEATURES, protocol(m.features()));
            case Message.SetMemTable m -> text("regions", regions(m.regions()));
            case Message.AddMemReg m -> text("region", region(m.region()));
            case Message.RemMemReg m -> text("region", region(m.region()));
            case Message.MemoryConfirmed m -> number(RESULT, m.result());
            case Message.SetLogBase m -> hex(SIZE, m.size()).hex(OFFSET, m.offset());
            case Message.SetVringNum m -> number(VRING, m.index()).number(SIZE, m.num());
            case Message.SetVringBase m -> number(VRING, m.index()).number("position", m.num());
            case Message.SetVringEndian m -> number(VRING, m.index()).text("order", m.num() == 0 ? "little" : "big");
            case Message.SetVringEnable m -> number(VRING, m.index()).number("enabled", m.num());
            case Message.SetVringAddr m -> number(VRING, m.index()).hex("descriptors", m.descriptor())
                .hex("available", m.available()).hex("used", m.used()).hex("log", m.log()).hex("flags", m.flags());
            case Message.SetVringFd m -> number(VRING, m.index()).text("event", m.hasDescriptor() ? "given" : "none");
            case Message.GetVringBase m -> number(VRING, m.index());
            case Message.VringKick m -> number(VRING, m.index());
            case Message.SendRarp m -> text("address", MacAddress.format(m.address()));
            case Message.NetSetMtu m -> number("mtu", m.mtu());
            case Message.Iotlb m -> text("type", m.type() < TRANSLATIONS.size() ? TRANSLATIONS.get(m.type())
                : Integer.toString(m.type())).hex("address", m.address()).hex(SIZE, m.size())
                .hex("user-address", m.userAddress()).number("permissions", m.permissions());
            case Message.InflightFd m -> number("queues", m.queues()).number("queue-size", m.queueSize())
                .hex(SIZE, m.size()).hex(OFFSET, m.offset());
            case Message.Config m -> number(OFFSET, m.offset()).number(SIZE, m.size()).hex("flags", m.flags());
            case Message.SetStatus m -> text(STATUS, status(m.status()));
            case Message.SetDeviceStateFd m -> text("direction", m.direction() == 0 ? "save" : "load")
                .number("phase", m.phase());
            case Message.GetSharedObject m -> text("uuid", String.format("%016x%016x",
                Long.reverseBytes(m.first()), Long.reverseBytes(m.second())));
            case Message.GetFeatures _, Message.SetOwner _, Message.ResetOwner _, Message.SetLogFd _,
                 Message.GetProtocolFeatures _, Message.GetQueueNum _, Message.SetBackendReqFd _,
                 Message.ResetDevice _, Message.GetMaxMemSlots _, Message.PostcopyAdvise _, Message.PostcopyListen _,
                 Message.PostcopyEnd _, Message.GetStatus _, Message.CheckDeviceState _, Message.Suspend _,
                 Message.Resume _, Message.Unserved _ -> { }
        }
    }

    private MessageValues text(final String key, final String value) {
        values.put(key, value);
        return this;
    }

    private MessageValues number(final String key, final long value) {
        return text(key, Long.toUnsignedString(value));
    }

    private MessageValues number(final String key, final int value) {
        return text(key, Integer.toUnsignedString(value));
    }

    private MessageValues hex(final String key, final long value) {
        return text(key, "0x" + Long.toHexString(value));
    }

    private static String virtio(final long word) {
        return word == 0 ? "none" : String.join(" ", VirtioFeatures.names(word));
    }

    private static String protocol(final long word) {
        return word == 0 ? "none" : String.join(" ", ProtocolFeature.names(word));
    }

    private static String status(final long word) {
        final List<String> names = new ArrayList<>();
        for (long rest = word; rest != 0; rest &= rest - 1) {
            final int bit = Long.numberOfTrailingZeros(rest);
            names.add(STATUS_BITS.getOrDefault(bit, Integer.toString(bit)));
        }
        return names.isEmpty() ? "none" : String.join(" ", names);
    }

    private static String regions(final List<Message.Region> regions) {
        return regions.isEmpty() ? "none" : regions.stream().map(MessageValues::region)
            .collect(Collectors.joining("; "));
    }

    private static String region(final Message.Region region) {
        return "guest 0x" + Long.toHexString(region.guestAddress()) + " size 0x" + Long.toHexString(region.size())
            + " user 0x" + Long.toHexString(region.userAddress()) + " offset 0x" + Long.toHexString(region.offset());
    }
}
