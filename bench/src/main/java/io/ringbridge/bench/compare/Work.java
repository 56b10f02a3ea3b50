package io.ringbridge.bench.compare;

/**
 * A load over rings of one kind.
 *
 * @param frameSize the bytes of a frame; 0 for large packets
 */
record Work(Kind kind, Variant variant, int frameSize) {
    String title() {
        return (kind == Kind.FRAMES ? frameSize + " B" : kind.title() + ",") + " " + variant.title();
    }
}
