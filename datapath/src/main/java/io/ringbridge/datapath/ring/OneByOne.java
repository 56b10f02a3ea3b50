package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/**
 * Takes and returns several chains one at a time, for rings that record every chain. Owned by the ring's worker.
 * Nothing is allocated after construction.
 */
final class OneByOne {
    private final DeviceRing ring;
    private final Segments chain = new Segments();

    OneByOne(final DeviceRing ring) {
        this.ring = ring;
    }

    /** Implements {@link DeviceRing#nextPlain}. */
    int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                  final boolean writable) {
        ring.keepRefusal(true);
        for (int i = from; i < from + count; i++) {
            final int result = ring.next(chain, writable);
            if (result == DeviceRing.BAD || result == DeviceRing.TAKEN && chain.count() > 1) {
                ring.rewind(1);
            }
            if (result != DeviceRing.TAKEN || chain.count() > 1) {
                ring.keepRefusal(false);
                return i - from;
            }
            addresses[i] = chain.address(0);
            lengths[i] = chain.length(0);
        }
        ring.keepRefusal(false);
        return count;
    }

    /** Implements {@link DeviceRing#use(int[], int)}. */
    void use(final int @Nullable [] written, final int count) {
        for (int i = 0; i < count; i++) {
            ring.use(written == null ? 0 : written[i]);
        }
    }
}
