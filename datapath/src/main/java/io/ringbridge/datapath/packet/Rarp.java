package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;

/**
 * The frame that announces a station's new location: a reverse ARP request, as the station itself could send it
 * (RFC 903).
 *
 * <pre>
 *   0       6       12    14    16    18   19   20    22       28       32       38       42         60
 *  | ff...  | mac   | 8035 | 1   | 0800 | 6  | 4  | 3   | mac    | 0      | mac    | 0      | zeros    |
 *    to       from    type  hw    ip     lengths    op    sender   its ip   target   its ip   padding
 * </pre>
 */
public final class Rarp {
    /** The type of the frame. */
    public static final int ETHERTYPE = 0x8035;
    /** Length of the frame: the shortest that Ethernet carries, without its check sequence. */
    public static final int BYTES = 60;

    private static final long BROADCAST = 0xFFFF_FFFF_FFFFL;
    /** The bytes 8035 0001 0800 0604 as a little-endian word. */
    private static final long KIND = 0x0406_0008_0100_3580L;
    private static final short REQUEST_REVERSE = 0x0300;
    private static final int SOURCE = 6;
    private static final int TYPE = 12;
    private static final int OPERATION = 20;
    private static final int SENDER = 22;
    private static final int TARGET = 32;

    private Rarp() {
    }

    /**
     * Writes the frame for a station, including the padding.
     *
     * @param to the address of {@link #BYTES} bytes that the caller owns
     * @param address the station's address, in the form of {@link MacAddress}
     */
    public static void write(final long to, final long address) {
        Memory.zero(to, BYTES);
        putAddress(to, BROADCAST);
        putAddress(to + SOURCE, address);
        Memory.putLong(to + TYPE, KIND);
        Memory.putShort(to + OPERATION, REQUEST_REVERSE);
        putAddress(to + SENDER, address);
        putAddress(to + TARGET, address);
    }

    private static void putAddress(final long to, final long address) {
        Memory.putInt(to, (int) address);
        Memory.putShort(to + 4, (short) (address >>> 32));
    }
}
