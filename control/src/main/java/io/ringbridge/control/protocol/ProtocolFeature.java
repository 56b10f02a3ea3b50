package io.ringbridge.control.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Bits of the protocol feature word (vhost-user, "Protocol features").
 */
public enum ProtocolFeature {
    MQ(0),
    LOG_SHMFD(1),
    RARP(2),
    REPLY_ACK(3),
    MTU(4),
    BACKEND_REQ(5),
    CROSS_ENDIAN(6),
    CRYPTO_SESSION(7),
    PAGEFAULT(8),
    CONFIG(9),
    BACKEND_SEND_FD(10),
    HOST_NOTIFIER(11),
    INFLIGHT_SHMFD(12),
    RESET_DEVICE(13),
    INBAND_NOTIFICATIONS(14),
    CONFIGURE_MEM_SLOTS(15),
    STATUS(16),
    XEN_MMAP(17),
    /** Suspension. Later editions of the specification assign the same bit to shared objects. */
    SUSPEND(18),
    DEVICE_STATE(19),
    GET_VRING_BASE_INFLIGHT(20),
    GPA_ADDRESSES(21),
    SHMEM(22),
    GET_VRING_BASE_SKIP_DRAIN(23);

    /**
     * Features whose requests are allowed if the back-end merely offers them: "present in
     * VHOST_USER_GET_PROTOCOL_FEATURES".
     */
    public static final long ENOUGH_WHEN_OFFERED = of(MQ, RARP, MTU, BACKEND_REQ, RESET_DEVICE);

    private final int bit;

    ProtocolFeature(final int bit) {
        this.bit = bit;
    }

    public int bit() {
        return bit;
    }

    /** Returns a word with only this bit set. */
    public long mask() {
        return 1L << bit;
    }

    /** Whether a word has this bit set. */
    public boolean in(final long word) {
        return (word & mask()) != 0;
    }

    /** Returns a word with these bits set. */
    public static long of(final ProtocolFeature... features) {
        long word = 0;
        for (final ProtocolFeature feature : features) {
            word |= feature.mask();
        }
        return word;
    }

    /** Returns the names of the bits in a word, for display. A bit without a name appears as its number. */
    public static List<String> names(final long word) {
        final List<String> names = new ArrayList<>();
        long rest = word;
        for (final ProtocolFeature feature : values()) {
            if (feature.in(word)) {
                names.add(feature.name().toLowerCase(Locale.ROOT));
                rest &= ~feature.mask();
            }
        }
        for (; rest != 0; rest &= rest - 1) {
            names.add(Integer.toString(Long.numberOfTrailingZeros(rest)));
        }
        return names;
    }
}
