package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.port.GuestPort;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The device's configuration space, as GET_CONFIG shows it (virtio 1.2, section 5.1.4).
 *
 * <pre>
 *  0       6        8                     10    12      16       17                20
 * | mac   | status | max_virtqueue_pairs | mtu | speed | duplex | rss, not there  | hash types, not there |
 * </pre>
 * Owned by the session's thread.
 */
final class NetConfig {
    static final int MIN_MTU = 68;

    private static final int BYTES = 24;
    private static final short LINK_UP = 1;
    private static final int SPEED_UNKNOWN = -1;
    private static final byte DUPLEX_UNKNOWN = -1;
    private static final int MTU = 10;
    /** The flag of SET_CONFIG with which read-only fields may be written. */
    private static final int LIVE_MIGRATION = 1;

    private final GuestPort port;
    private long mac;
    /** Whether the MTU is one that the front-end has set. */
    private boolean mtuSet;

    /** Shows a port with the MTU that is configured. */
    NetConfig(final long mac, final GuestPort port) {
        this.mac = mac;
        this.port = port;
    }

    long mac() {
        return mac;
    }

    int mtu() {
        return port.mtu();
    }

    /** Takes over another MTU, which limits what is delivered from now on; whether that is a change. */
    boolean mtu(final long wanted) {
        check(wanted);
        final boolean change = mtu() != wanted;
        mtuSet = true;
        port.mtu((int) wanted);
        return change;
    }

    private void check(final long mtu) {
        if (mtu < MIN_MTU || mtu > port.configuredMtu()) {
            throw ProtocolException.refused("MTU " + Long.toUnsignedString(mtu) + "; allowed: " + MIN_MTU + " to "
                + port.configuredMtu());
        }
    }

    /** Returns to the MTU that is configured, as the device was reset. */
    void forgetMtu() {
        mtuSet = false;
        port.mtu(port.configuredMtu());
    }

    /** Takes over another address; whether that is a change. */
    boolean mac(final long wanted) {
        if (MacAddress.isGroup(wanted)) {
            throw ProtocolException.refused("address " + MacAddress.format(wanted) + "; a single station's is allowed");
        }
        final boolean change = mac != wanted;
        mac = wanted;
        return change;
    }

    /** Writes down what the front-end was told, for another process. */
    void save(final StateWriter out) {
        out.wide(mac).number(mtu()).flag(mtuSet);
    }

    /**
     * Takes over what another process has shown the front-end. An MTU that was set is the limit here as well; one that was configured
     * there has to be allowed here, since the guest may have been shown it.
     */
    void restore(final StateReader in) {
        mac(in.wide());
        final int shown = in.number();
        if (in.flag()) {
            mtu(shown);
        } else {
            check(shown);
        }
    }

    private byte[] content() {
        final ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt((int) mac).putShort((short) (mac >>> 32));
        out.putShort(LINK_UP).putShort((short) port.queuePairs()).putShort((short) mtu()).putInt(SPEED_UNKNOWN).put(DUPLEX_UNKNOWN);
        return out.array();
    }

    /** The answer to GET_CONFIG; null where what is asked for is not wholly there, or its size contradicts itself. */
    Message.Config read(final Message.Config asked) {
        if (!isInside(asked)) {
            return null;
        }
        return new Message.Config(asked.request(), asked.offset(), asked.size(), asked.flags(),
            ByteBuffer.wrap(content(), asked.offset(), asked.size()));
    }

    private static boolean isInside(final Message.Config asked) {
        return asked.size() > 0 && asked.size() == asked.bytes().remaining() && asked.size() <= BYTES
            && asked.offset() >= 0 && asked.offset() <= BYTES - asked.size();
    }

    /** SET_CONFIG: no field may be written by a driver; in a migration the address and the MTU come from the source. */
    void write(final Message.Config told) {
        if (!isInside(told)) {
            throw ProtocolException.refused("offset " + Integer.toUnsignedString(told.offset()) + ", size "
                + Integer.toUnsignedString(told.size()) + " with " + told.bytes().remaining() + " bytes; the space has " + BYTES);
        }
        if (told.flags() != LIVE_MIGRATION) {
            throw ProtocolException.refused("the fields are read-only but in a migration, which flag 1 tells; flags are 0x"
                + Integer.toHexString(told.flags()));
        }
        final ByteBuffer next = ByteBuffer.wrap(content()).order(ByteOrder.LITTLE_ENDIAN);
        final byte[] ours = next.array().clone();
        next.put(told.offset(), told.bytes(), told.bytes().position(), told.size());
        final long nextMac = next.getLong(0) & Frame.ADDRESS_MASK;
        final int nextMtu = next.getShort(MTU) & 0xFFFF;
        if (!sameBut(ours, next.array())) {
            throw ProtocolException.refused("status, max_virtqueue_pairs, speed and duplex are this port's, and stay");
        }
        final long before = mac;
        mac(nextMac);
        try {
            if (nextMtu != mtu()) {
                mtu(nextMtu);
            }
        } catch (final ProtocolException e) {
            mac = before;
            throw e;
        }
    }

    /** Whether two spaces agree in all but address and MTU. */
    private static boolean sameBut(final byte[] a, final byte[] b) {
        return Arrays.equals(a, 6, MTU, b, 6, MTU) && Arrays.equals(a, MTU + 2, BYTES, b, MTU + 2, BYTES);
    }
}
