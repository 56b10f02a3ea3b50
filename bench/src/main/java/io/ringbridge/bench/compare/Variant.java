package io.ringbridge.bench.compare;

import io.ringbridge.datapath.ring.Features;

import java.util.List;

/** The features of the front-end's rings. */
enum Variant {
    SPLIT("split, mergeable", ",mrg_rxbuf=1", Features.MRG_RXBUF),
    SPLIT_IN_ORDER("split, in order, not mergeable", ",mrg_rxbuf=0,in_order=1", Features.IN_ORDER),
    PACKED("packed, mergeable", ",packed_vq=1", Features.MRG_RXBUF, Features.RING_PACKED);

    private final String title;
    private final String options;
    private final long features;

    Variant(final String title, final String options, final int... features) {
        this.title = title;
        this.options = options;
        this.features = Features.of(Features.VERSION_1) | Features.of(features);
    }

    String title() {
        return title;
    }

    /** Returns the options of the virtio-user device, each with a leading comma. */
    String options() {
        return options;
    }

    /** Returns the options of {@code bench latency} for these rings. */
    List<String> latencyOptions() {
        return switch (this) {
            case SPLIT -> List.of("--rings", "split");
            case SPLIT_IN_ORDER -> List.of("--rings", "split", "--in-order", "--no-mergeable");
            case PACKED -> List.of("--rings", "packed");
        };
    }

    /** Returns the virtio features. */
    long features() {
        return features;
    }
}
