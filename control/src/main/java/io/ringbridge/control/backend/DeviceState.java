package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * What a port knows of its guest besides the rings, as it goes from one back-end to another in a migration.
 *
 * <pre>
 *  0           8         12        16                        16 + length
 * | RINGBRDG  | version | length  | sections                | CRC-32C of all before |
 *
 *  section:  0      4        8
 *           | kind | length | content |
 *  kind 1   the device:  mac u64, mtu u32, queue pairs u32
 *  kind 2   statistics:  in frames, in bytes, out frames, out bytes, each u64; a count u32, and so often
 *                        a length u8, a reason for drops in ASCII, their number u64
 *  kind 3 with bit 31     the VLANs of the port, in ASCII, where it is in any
 *  kind 4 with bit 31     the port's static stations, where it has any: each a u64, bits 12-59 its address,
 *                         the first byte on the wire the lowest, bits 0-11 its VLAN
 * </pre>
 * Numbers are little-endian. A section of a kind that is not known makes a stream foreign, unless bit 31 of the kind says that it may
 * be left out: what later versions carry comes in sections of its own.
 *
 * @param mac the device's address; 0 where the front-end decides
 * @param mtu as the guest was told
 * @param queuePairs as the port had them
 * @param statistics the port's counters
 * @param vlan the port's VLANs, as {@link io.ringbridge.datapath.port.PortVlan} has them in words; empty where it was in none
 * @param stations the port's static stations, by their keys in the forwarding table
 */
record DeviceState(long mac, int mtu, int queuePairs, PortStatistics statistics, String vlan, List<Long> stations) {
    /** The longest stream that is taken. */
    static final int MAX_BYTES = 64 * 1024;

    private static final long MAGIC =
        ByteBuffer.wrap("RINGBRDG".getBytes(StandardCharsets.US_ASCII)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    private static final int VERSION = 1;
    private static final int HEADER = 16;
    private static final int CHECKSUM = 4;
    private static final int DEVICE = 1;
    private static final int STATISTICS = 2;
    private static final int MAY_BE_LEFT_OUT = 1 << 31;
    private static final int VLAN = 3 | MAY_BE_LEFT_OUT;
    private static final int STATIONS = 4 | MAY_BE_LEFT_OUT;
    private static final Pattern VLAN_WORDS = Pattern.compile("[a-z0-9 ,-]+");

    /** The stream. */
    byte[] encode() {
        final ByteBuffer out = ByteBuffer.allocate(MAX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(MAGIC).putInt(VERSION).putInt(0);
        out.putInt(DEVICE).putInt(16).putLong(mac).putInt(mtu).putInt(queuePairs);
        final int section = out.position();
        out.putInt(STATISTICS).putInt(0);
        out.putLong(statistics.inFrames()).putLong(statistics.inBytes()).putLong(statistics.outFrames()).putLong(statistics.outBytes());
        out.putInt(statistics.drops().size());
        statistics.drops().forEach((reason, count) -> {
            final byte[] label = reason.label().getBytes(StandardCharsets.US_ASCII);
            out.put((byte) label.length).put(label).putLong(count);
        });
        out.putInt(section + 4, out.position() - section - 8);
        if (!vlan.isEmpty()) {
            final byte[] words = vlan.getBytes(StandardCharsets.US_ASCII);
            out.putInt(VLAN).putInt(words.length).put(words);
        }
        if (!stations.isEmpty()) {
            out.putInt(STATIONS).putInt(Long.BYTES * stations.size());
            stations.forEach(out::putLong);
        }
        out.putInt(12, out.position() - HEADER);
        out.putInt(checksum(out.array(), out.position()));
        return Arrays.copyOf(out.array(), out.position());
    }

    private static int checksum(final byte[] bytes, final int length) {
        final CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /**
     * Reads a stream.
     *
     * @throws ProtocolException when it is truncated, damaged, or another's
     */
    static DeviceState decode(final byte[] stream) {
        final ByteBuffer in = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
        if (stream.length < HEADER + CHECKSUM || in.getLong() != MAGIC) {
            throw foreign("it does not begin as one of this switch's does");
        }
        final int version = in.getInt();
        if (version != VERSION) {
            throw foreign("its version is " + Integer.toUnsignedString(version) + "; " + VERSION + " is understood");
        }
        final int length = in.getInt();
        if (length != stream.length - HEADER - CHECKSUM) {
            throw foreign("it has " + stream.length + " bytes and says " + Integer.toUnsignedString(length) + " of content");
        }
        if (in.getInt(HEADER + length) != checksum(stream, HEADER + length)) {
            throw foreign("its checksum is wrong");
        }
        try {
            return sections(in.slice(HEADER, length).order(ByteOrder.LITTLE_ENDIAN));
        } catch (final BufferUnderflowException | IndexOutOfBoundsException e) {
            throw foreign("a section ends early");
        }
    }

    private static DeviceState sections(final ByteBuffer in) {
        ByteBuffer device = null;
        PortStatistics statistics = null;
        String vlan = "";
        List<Long> stations = List.of();
        while (in.hasRemaining()) {
            final int kind = in.getInt();
            final int length = in.getInt();
            final ByteBuffer content = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            in.position(in.position() + length);
            switch (kind) {
                case DEVICE -> device = content;
                case STATISTICS -> statistics = statistics(content);
                case VLAN -> vlan = vlan(content);
                case STATIONS -> stations = stations(content);
                default -> {
                    if ((kind & MAY_BE_LEFT_OUT) == 0) {
                        throw foreign("a section is of kind " + kind);
                    }
                }
            }
        }
        if (device == null || statistics == null) {
            throw foreign("a section is missing");
        }
        return new DeviceState(mac(device.getLong()), device.getInt(), device.getInt(), statistics, vlan, stations);
    }

    private static long mac(final long mac) {
        if (mac >>> 48 != 0 || MacAddress.isGroup(mac)) {
            throw foreign("0x" + Long.toHexString(mac) + " is no station's address");
        }
        return mac;
    }

    private static String vlan(final ByteBuffer in) {
        final String words = StandardCharsets.US_ASCII.decode(in).toString();
        if (!VLAN_WORDS.matcher(words).matches()) {
            throw foreign("it names no VLANs where it should");
        }
        return words;
    }

    private static List<Long> stations(final ByteBuffer in) {
        final List<Long> keys = new ArrayList<>();
        while (in.hasRemaining()) {
            final long key = in.getLong();
            if (key >>> 12 == 0 || MacAddress.isGroup(key >>> 12) || key >>> 60 != 0 || ForwardingTable.vlan(key) > PortVlan.MAX) {
                throw foreign("0x" + Long.toHexString(key) + " is no station in a VLAN");
            }
            keys.add(key);
        }
        if (keys.size() > Stations.MAX_STATICS) {
            throw foreign("it has " + keys.size() + " static stations; " + Stations.MAX_STATICS + " are allowed");
        }
        return keys;
    }

    private static PortStatistics statistics(final ByteBuffer in) {
        final long[] counts = {count(in), count(in), count(in), count(in)};
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        for (int left = in.getInt(); left > 0; left--) {
            final byte[] label = new byte[in.get() & 0xFF];
            in.get(label);
            final long count = count(in);
            final String name = new String(label, StandardCharsets.US_ASCII);
            // a reason that only the other version knows is not counted here
            Arrays.stream(DropReason.values()).filter(reason -> reason.label().equals(name)).forEach(reason -> drops.put(reason, count));
        }
        return new PortStatistics(counts[0], counts[1], counts[2], counts[3], drops);
    }

    private static long count(final ByteBuffer in) {
        final long count = in.getLong();
        if (count < 0) {
            throw foreign("a counter is " + count);
        }
        return count;
    }

    private static ProtocolException foreign(final String why) {
        return ProtocolException.refused("no device state that can be used: " + why);
    }
}
