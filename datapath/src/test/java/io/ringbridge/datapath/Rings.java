package io.ringbridge.datapath;

import io.ringbridge.datapath.ring.Features;

/** The kinds of rings that a guest may negotiate. */
enum Rings {
    SPLIT(),
    SPLIT_IN_ORDER(Features.IN_ORDER),
    PACKED(Features.RING_PACKED),
    PACKED_IN_ORDER(Features.RING_PACKED, Features.IN_ORDER);

    final long features;

    Rings(final int... bits) {
        features = TestGuest.FEATURES | Features.of(bits);
    }
}
