package io.ringbridge.bench.compare;

/** How the front-end's rings are made: the features that virtio-user is asked to use. */
enum Variant {
    SPLIT("split, mergeable", ",mrg_rxbuf=1"),
    SPLIT_IN_ORDER("split, in order, not mergeable", ",mrg_rxbuf=0,in_order=1"),
    PACKED("packed, mergeable", ",packed_vq=1");

    private final String title;
    private final String options;

    Variant(final String title, final String options) {
        this.title = title;
        this.options = options;
    }

    String title() {
        return title;
    }

    /** Options of the virtio-user device, each with a comma before it. */
    String options() {
        return options;
    }
}
