package io.ringbridge.testkit;

import io.ringbridge.datapath.ring.Features;

/** The kinds of rings that a guest may negotiate. */
public enum Rings {
    SPLIT(),
    SPLIT_IN_ORDER(Features.IN_ORDER),
    PACKED(Features.RING_PACKED),
    PACKED_IN_ORDER(Features.RING_PACKED, Features.IN_ORDER);

    public final long features;

    Rings(final int... bits) {
        features = TestGuest.FEATURES | Features.of(bits);
    }
}
