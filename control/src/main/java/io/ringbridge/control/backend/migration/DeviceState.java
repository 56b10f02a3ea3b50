package io.ringbridge.control.backend.migration;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.SectionKind;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;

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
 *  section 1    the device:  mac u64, mtu u32, queue pairs u32
 *  section 2    statistics:  in frames, in bytes, out frames, out bytes, each u64; a count u32, followed by that many
 *                            entries: a length u8, a drop reason in ASCII, the number of drops u64
 *  section 3    the VLANs of the port, in ASCII, if it is in any; may be skipped
 *  section 4    the port's static stations, if it has any: each a u64, bits 12-59 the address, the first byte on the
 *               wire lowest, bits 0-11 the VLAN; may be skipped
 * </pre>
 * Numbers are little-endian. {@link SectionKind} has the layout of sections and the rules for later versions.
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
    private static final SectionKind DEVICE = SectionKind.required(1, "device");
    private static final SectionKind STATISTICS = SectionKind.required(2, "statistics");
    private static final SectionKind VLAN = SectionKind.optional(3, "vlan").skippable();
    private static final SectionKind STATIONS = SectionKind.optional(4, "stations").skippable();
    private static final Pattern VLAN_WORDS = Pattern.compile("[a-z0-9 ,-]+");

    /** Returns the stream. */
    public byte[] encode() {
        final StateWriter sections = new StateWriter();
        sections.section(DEVICE, out -> out.wide(mac).number(mtu).number(queuePairs));
        sections.section(STATISTICS, this::statistics);
        if (!vlan.isEmpty()) {
            sections.section(VLAN, out -> out.raw(vlan.getBytes(StandardCharsets.US_ASCII)));
        }
        if (!stations.isEmpty()) {
            sections.section(STATIONS, out -> stations.forEach(out::wide));
        }
        final byte[] content = sections.content();
        final ByteBuffer stream =
            ByteBuffer.allocate(HEADER + content.length + CHECKSUM).order(ByteOrder.LITTLE_ENDIAN);
        stream.putLong(MAGIC).putInt(VERSION).putInt(content.length).put(content);
        return stream.putInt(checksum(stream.array(), stream.position())).array();
    }

    private void statistics(final StateWriter out) {
        out.wide(statistics.inFrames()).wide(statistics.inBytes());
        out.wide(statistics.outFrames()).wide(statistics.outBytes());
        out.number(statistics.drops().size());
        statistics.drops().forEach((reason, count) -> {
            final byte[] label = reason.label().getBytes(StandardCharsets.US_ASCII);
            out.octet(label.length).raw(label).wide(count);
        });
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
            return decode(Sections.of(Arrays.copyOfRange(stream, HEADER, HEADER + length), DEVICE, STATISTICS, VLAN,
                STATIONS));
        } catch (final HandOverException e) {
            throw foreign(String.valueOf(e.getMessage()));
        }
    }

    private static DeviceState decode(final Sections in) {
        final StateReader device = in.get(DEVICE);
        return new DeviceState(mac(device.wide()), device.number(), device.number(),
            statistics(in.get(STATISTICS)), in.find(VLAN).map(DeviceState::vlan).orElse(""),
            in.find(STATIONS).map(DeviceState::stations).orElse(List.of()));
    }

    private static long mac(final long mac) {
        if (mac >>> 48 != 0 || MacAddress.isGroup(mac)) {
            throw foreign("0x" + Long.toHexString(mac) + " is not the address of a station");
        }
        return mac;
    }

    private static String vlan(final StateReader in) {
        final String words = new String(in.rest(), StandardCharsets.US_ASCII);
        if (!VLAN_WORDS.matcher(words).matches()) {
            throw foreign("its section of VLANs is malformed");
        }
        return words;
    }

    private static List<Long> stations(final StateReader in) {
        final List<Long> keys = new ArrayList<>();
        while (in.hasMore()) {
            final long key = in.wide();
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

    private static PortStatistics statistics(final StateReader in) {
        final long[] counts = {count(in), count(in), count(in), count(in)};
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        for (int left = in.number(); left > 0; left--) {
            final String name = new String(in.raw(in.octet()), StandardCharsets.US_ASCII);
            final long count = count(in);
            // Skips a reason that only the other version knows.
            Arrays.stream(DropReason.values()).filter(reason -> reason.label().equals(name))
                .forEach(reason -> drops.put(reason, count));
        }
        return new PortStatistics(counts[0], counts[1], counts[2], counts[3], drops);
    }

    private static long count(final StateReader in) {
        final long count = in.wide();
        if (count < 0) {
            throw foreign("a counter is " + count);
        }
        return count;
    }

    private static ProtocolException foreign(final String why) {
        return ProtocolException.refused("the device state cannot be used: " + why);
    }
}
