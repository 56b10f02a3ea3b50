package io.ringbridge.datapath.ring;

/**
 * The virtio feature bits that the switch knows (virtio 1.2, sections 5.1.3 and 6; vhost-user, "Feature bits").
 */
public final class Features {
    public static final int CSUM = 0;
    public static final int GUEST_CSUM = 1;
    public static final int MTU = 3;
    public static final int MAC = 5;
    public static final int GUEST_TSO4 = 7;
    public static final int GUEST_TSO6 = 8;
    public static final int GUEST_ECN = 9;
    public static final int GUEST_UFO = 10;
    public static final int HOST_TSO4 = 11;
    public static final int HOST_TSO6 = 12;
    public static final int HOST_ECN = 13;
    public static final int HOST_UFO = 14;
    public static final int MRG_RXBUF = 15;
    public static final int STATUS = 16;
    public static final int CTRL_VQ = 17;
    public static final int GUEST_ANNOUNCE = 21;
    public static final int MQ = 22;
    public static final int NOTIFY_ON_EMPTY = 24;
    public static final int LOG_ALL = 26;
    public static final int ANY_LAYOUT = 27;
    public static final int INDIRECT_DESC = 28;
    public static final int EVENT_IDX = 29;
    public static final int PROTOCOL_FEATURES = 30;
    public static final int VERSION_1 = 32;
    public static final int ACCESS_PLATFORM = 33;
    public static final int RING_PACKED = 34;
    public static final int IN_ORDER = 35;
    /**
     * The bit in drafts of the specification, and in crosvm. The standard later assigned the bit to another feature.
     */
    public static final int SUSPEND_DRAFT = 42;
    public static final int SUSPEND = 43;
    /** Never offered to a driver. The kernel uses it on network interfaces. */
    public static final int HOST_USO = 56;

    /** The features for checksum and segmentation offload, in both directions. */
    public static final long OFFLOADS = of(CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_UFO,
        HOST_TSO4, HOST_TSO6, HOST_ECN, HOST_UFO);

    private Features() {
    }

    /** Whether a bit is set. */
    public static boolean has(final long features, final int bit) {
        return (features >>> bit & 1) != 0;
    }

    /** Returns a word with these bits set. */
    public static long of(final int... bits) {
        long word = 0;
        for (final int bit : bits) {
            word |= 1L << bit;
        }
        return word;
    }

    /**
     * Returns the length of the header before each frame: 12 bytes with VERSION_1 or MRG_RXBUF, 10 without (virtio 1.2,
     * section 5.1.6).
     */
    public static int headerLength(final long features) {
        return has(features, VERSION_1) || has(features, MRG_RXBUF) ? 12 : 10;
    }
}
