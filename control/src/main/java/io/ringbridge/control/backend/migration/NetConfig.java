package io.ringbridge.control.backend.migration;

import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * The device's configuration space, as GET_CONFIG returns it (virtio 1.2, section 5.1.4).
 *
 * <pre>
 *  0       6        8                     10    12      16       17                20
 * | mac   | status | max_virtqueue_pairs | mtu | speed | duplex | rss, absent     | hash types, absent    |
 * </pre>
 * Owned by the session's thread.
 */
public final class NetConfig {
    static final int MIN_MTU = 68;

    private static final int BYTES = 24;
    private static final short LINK_UP = 1;
    private static final int SPEED_UNKNOWN = -1;
    private static final byte DUPLEX_UNKNOWN = -1;
    private static final int MTU = 10;
    /** The flag of SET_CONFIG that allows read-only fields to be written. */
    private static final int LIVE_MIGRATION = 1;

    private final GuestPort port;
    private long mac;

    public NetConfig(final long mac, final GuestPort port) {
        this.mac = mac;
        this.port = port;
    }

    long mac() {
        return mac;
    }

    int mtu() {
        return port.mtu();
    }

    /**
     * Sets the MTU, which limits the frames delivered from now on.
     *
     * @return whether the MTU has changed
     */
    public boolean setMtu(final long wanted) {
        check(wanted);
        final boolean change = mtu() != wanted;
        port.frontEndMtu((int) wanted);
        return change;
    }

    private void check(final long mtu) {
        if (mtu < MIN_MTU || mtu > port.configuredMtu()) {
            throw ProtocolException.refused("MTU " + Long.toUnsignedString(mtu) + "; allowed: " + MIN_MTU + " to "
                + port.configuredMtu());
        }
    }

    /** Restores the configured MTU, because the device was reset. */
    public void resetMtu() {
        port.frontEndMtu(0);
    }

    /**
     * Sets the device's address.
     *
     * @return whether the address has changed
     */
    boolean setMac(final long wanted) {
        if (MacAddress.isGroup(wanted)) {
            throw ProtocolException.refused("address " + MacAddress.format(wanted)
                + "; only the address of a single station is allowed");
        }
        final boolean change = mac != wanted;
        mac = wanted;
        return change;
    }

    /** Writes the values that the front-end has seen, for another process. */
    public void save(final StateWriter out) {
        out.section(HandOverSections.CONFIGURATION_SPACE,
            section -> section.wide(mac).number(mtu()).flag(port.frontEndMtu() != 0));
    }

    /**
     * Restores the values that the front-end has seen. An MTU that the front-end set is the limit here as well. An MTU
     * that was configured there must be allowed here, since the guest may have seen it.
     */
    public void restore(final Sections sections) {
        final StateReader in = sections.get(HandOverSections.CONFIGURATION_SPACE);
        setMac(in.wide());
        final int seen = in.number();
        if (in.flag()) {
            setMtu(seen);
        } else {
            check(seen);
        }
    }

    private byte[] content() {
        final ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt((int) mac).putShort((short) (mac >>> 32));
        out.putShort(LINK_UP).putShort((short) port.queuePairs()).putShort((short) mtu());
        out.putInt(SPEED_UNKNOWN).put(DUPLEX_UNKNOWN);
        return out.array();
    }

    /**
     * Serves GET_CONFIG.
     *
     * @return empty if the requested range is not wholly inside the space, or if its size is inconsistent
     */
    public Optional<Message.Config> getConfig(final Message.Config request) {
        if (!isInside(request)) {
            return Optional.empty();
        }
        return Optional.of(new Message.Config(request.request(), request.offset(), request.size(), request.flags(),
            ByteBuffer.wrap(content(), request.offset(), request.size())));
    }

    private static boolean isInside(final Message.Config range) {
        return range.size() > 0 && range.size() == range.bytes().remaining() && range.size() <= BYTES
            && range.offset() >= 0 && range.offset() <= BYTES - range.size();
    }

    /** Serves SET_CONFIG. A driver may write no field; in a migration, the address and the MTU come from the source. */
    public void setConfig(final Message.Config given) {
        if (!isInside(given)) {
            throw ProtocolException.refused("offset " + Integer.toUnsignedString(given.offset()) + ", size "
                + Integer.toUnsignedString(given.size()) + " with " + given.bytes().remaining()
                + " bytes; the space has " + BYTES);
        }
        if (given.flags() != LIVE_MIGRATION) {
            throw ProtocolException.refused("the fields are read-only except in a migration, which sets flags to 1;"
                + " flags are 0x" + Integer.toHexString(given.flags()));
        }
        final ByteBuffer next = ByteBuffer.wrap(content()).order(ByteOrder.LITTLE_ENDIAN);
        final byte[] ours = next.array().clone();
        next.put(given.offset(), given.bytes(), given.bytes().position(), given.size());
        final long nextMac = next.getLong(0) & Frame.ADDRESS_MASK;
        final int nextMtu = next.getShort(MTU) & 0xFFFF;
        if (!sameBut(ours, next.array())) {
            throw ProtocolException.refused("status, max_virtqueue_pairs, speed and duplex belong to this port and must"
                + " not change");
        }
        final long before = mac;
        setMac(nextMac);
        try {
            if (nextMtu != mtu()) {
                setMtu(nextMtu);
            }
        } catch (final ProtocolException e) {
            mac = before;
            throw e;
        }
    }

    /** Whether two spaces are equal except for address and MTU. */
    private static boolean sameBut(final byte[] a, final byte[] b) {
        return Arrays.equals(a, 6, MTU, b, 6, MTU) && Arrays.equals(a, MTU + 2, BYTES, b, MTU + 2, BYTES);
    }
}
