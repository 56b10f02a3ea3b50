package io.ringbridge.control.backend.migration;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
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
 * The state of a port, except for the rings, that moves from one back-end to another in a migration.
 *
 * <pre>
 *  0           8         12        16                        16 + length
 * | RINGBRDG  | version | length  | sections                | CRC-32C of all before |
 *
 *  section:  0      4        8
 *           | kind | length | content |
 *  kind 1   the device:  mac u64, mtu u32, queue pairs u32
 *  kind 2   statistics:  in frames, in bytes, out frames, out bytes, each u64; a count u32, followed by that many
 *                        entries: a length u8, a drop reason in ASCII, the number of drops u64
 *  kind 3 with bit 31     the VLANs of the port, in ASCII, if it is in any
 *  kind 4 with bit 31     the port's static stations, if it has any: each a u64, bits 12-59 the address,
 *                         the first byte on the wire lowest, bits 0-11 the VLAN
 * </pre>
 * Numbers are little-endian. A section of an unknown kind is an error, unless bit 31 of the kind is set. The bit means
 * that a reader may skip the section. Later versions add their data in sections of their own.
 *
 * @param mac the device's address; 0 if the front-end decides
 * @param mtu the MTU that the guest sees
 * @param queuePairs the port's number of queue pairs
 * @param statistics the port's counters
 * @param vlan the port's VLANs, in the words of {@link io.ringbridge.datapath.port.PortVlan}; empty if the port is in
 * none
 * @param stations the port's static stations, by their keys in the forwarding table
 */
public record DeviceState(long mac, int mtu, int queuePairs, PortStatistics statistics, String vlan,
                          List<Long> stations) {
    /** The longest accepted stream in bytes. */
    public static final int MAX_BYTES = 64 * 1024;

    private static final long MAGIC =
        ByteBuffer.wrap("RINGBRDG".getBytes(StandardCharsets.US_ASCII)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    private static final int VERSION = 1;
    private static final int HEADER = 16;
    private static final int CHECKSUM = 4;
    private static final int DEVICE = 1;
    private static final int STATISTICS = 2;
    private static final int MAY_BE_SKIPPED = 1 << 31;
    private static final int VLAN = 3 | MAY_BE_SKIPPED;
    private static final int STATIONS = 4 | MAY_BE_SKIPPED;
    private static final Pattern VLAN_WORDS = Pattern.compile("[a-z0-9 ,-]+");

    /** Returns the stream. */
    public byte[] encode() {
        final ByteBuffer out = ByteBuffer.allocate(MAX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(MAGIC).putInt(VERSION).putInt(0);
        out.putInt(DEVICE).putInt(16).putLong(mac).putInt(mtu).putInt(queuePairs);
        final int section = out.position();
        out.putInt(STATISTICS).putInt(0);
        out.putLong(statistics.inFrames()).putLong(statistics.inBytes());
        out.putLong(statistics.outFrames()).putLong(statistics.outBytes());
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
     * @throws ProtocolException if the stream is truncated, damaged, or in another format
     */
    public static DeviceState decode(final byte[] stream) {
        final ByteBuffer in = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
        if (stream.length < HEADER + CHECKSUM || in.getLong() != MAGIC) {
            throw foreign("it does not start with this switch's signature");
        }
        final int version = in.getInt();
        if (version != VERSION) {
            throw foreign("its version is " + Integer.toUnsignedString(version) + "; version " + VERSION
                + " is understood");
        }
        final int length = in.getInt();
        if (length != stream.length - HEADER - CHECKSUM) {
            throw foreign("it has " + stream.length + " bytes, but its header gives "
                + Integer.toUnsignedString(length) + " of content");
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
                    if ((kind & MAY_BE_SKIPPED) == 0) {
                        throw foreign("a section has unknown kind " + kind);
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
            throw foreign("0x" + Long.toHexString(mac) + " is not the address of a station");
        }
        return mac;
    }

    private static String vlan(final ByteBuffer in) {
        final String words = StandardCharsets.US_ASCII.decode(in).toString();
        if (!VLAN_WORDS.matcher(words).matches()) {
            throw foreign("its section of VLANs is malformed");
        }
        return words;
    }

    private static List<Long> stations(final ByteBuffer in) {
        final List<Long> keys = new ArrayList<>();
        while (in.hasRemaining()) {
            final long key = in.getLong();
            if (key >>> 12 == 0 || MacAddress.isGroup(key >>> 12) || key >>> 60 != 0
                || ForwardingTable.vlan(key) > PortVlan.MAX) {
                throw foreign("0x" + Long.toHexString(key) + " is not a station in a VLAN");
            }
            keys.add(key);
        }
        if (keys.size() > Stations.MAX_STATICS) {
            throw foreign("it has " + keys.size() + " static stations; at most " + Stations.MAX_STATICS
                + " are allowed");
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
            // Skips a reason that only the other version knows.
            Arrays.stream(DropReason.values()).filter(reason -> reason.label().equals(name))
                .forEach(reason -> drops.put(reason, count));
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
        return ProtocolException.refused("the device state cannot be used: " + why);
    }
}
