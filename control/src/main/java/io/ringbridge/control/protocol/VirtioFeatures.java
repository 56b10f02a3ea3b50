package io.ringbridge.control.protocol;

import io.ringbridge.datapath.ring.Features;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Names of the virtio feature bits, for display (virtio 1.2, sections 5.1.3 and 6). */
public final class VirtioFeatures {
    private static final Map<Integer, String> NAMES = Map.ofEntries(
        Map.entry(Features.CSUM, "csum"),
        Map.entry(Features.GUEST_CSUM, "guest_csum"),
        Map.entry(Features.MTU, "mtu"),
        Map.entry(Features.MAC, "mac"),
        Map.entry(Features.GUEST_TSO4, "guest_tso4"),
        Map.entry(Features.GUEST_TSO6, "guest_tso6"),
        Map.entry(Features.GUEST_ECN, "guest_ecn"),
        Map.entry(Features.GUEST_UFO, "guest_ufo"),
        Map.entry(Features.HOST_TSO4, "host_tso4"),
        Map.entry(Features.HOST_TSO6, "host_tso6"),
        Map.entry(Features.HOST_ECN, "host_ecn"),
        Map.entry(Features.HOST_UFO, "host_ufo"),
        Map.entry(Features.MRG_RXBUF, "mrg_rxbuf"),
        Map.entry(Features.STATUS, "status"),
        Map.entry(Features.CTRL_VQ, "ctrl_vq"),
        Map.entry(Features.GUEST_ANNOUNCE, "guest_announce"),
        Map.entry(Features.MQ, "mq"),
        Map.entry(Features.NOTIFY_ON_EMPTY, "notify_on_empty"),
        Map.entry(Features.LOG_ALL, "log_all"),
        Map.entry(Features.ANY_LAYOUT, "any_layout"),
        Map.entry(Features.INDIRECT_DESC, "indirect_desc"),
        Map.entry(Features.EVENT_IDX, "event_idx"),
        Map.entry(Features.PROTOCOL_FEATURES, "protocol_features"),
        Map.entry(Features.VERSION_1, "version_1"),
        Map.entry(Features.ACCESS_PLATFORM, "access_platform"),
        Map.entry(Features.RING_PACKED, "ring_packed"),
        Map.entry(Features.IN_ORDER, "in_order"),
        Map.entry(Features.SUSPEND_DRAFT, "suspend_draft"),
        Map.entry(Features.SUSPEND, "suspend"));

    private VirtioFeatures() {
    }

    /** Returns the names of the bits in a word, lowest bit first. A bit without a name appears as its number. */
    public static List<String> names(final long word) {
        final List<String> names = new ArrayList<>();
        for (long rest = word; rest != 0; rest &= rest - 1) {
            final int bit = Long.numberOfTrailingZeros(rest);
            names.add(NAMES.getOrDefault(bit, Integer.toString(bit)));
        }
        return names;
    }

    /** Returns the word with the bits of these names. Unknown names have no bit. */
    public static long word(final Collection<String> names) {
        return NAMES.entrySet().stream().filter(feature -> names.contains(feature.getValue()))
            .mapToLong(feature -> Features.of(feature.getKey())).reduce(0, (word, bit) -> word | bit);
    }
}
