package io.ringbridge.control.handover;

import io.ringbridge.datapath.os.Fd;

import java.util.Collection;

/** The descriptors that came with a record. It owns those that nobody has taken, and closes them. */
final class PassedDescriptors implements AutoCloseable {
    private static final int TAKEN = -1;

    private final int[] descriptors;

    /** Takes ownership of the descriptors. */
    PassedDescriptors(final Collection<Integer> descriptors) {
        this.descriptors = descriptors.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Returns a descriptor by its position in the record. The caller owns it from then on. */
    int take(final int position) {
        if (position < 0 || position >= descriptors.length || descriptors[position] == TAKEN) {
            throw new HandOverException("descriptor " + Integer.toUnsignedString(position)
                + " is missing from the state, or used twice");
        }
        final int fd = descriptors[position];
        descriptors[position] = TAKEN;
        return fd;
    }

    @Override
    public void close() {
        for (int i = 0; i < descriptors.length; i++) {
            if (descriptors[i] != TAKEN) {
                Fd.close(take(i));
            }
        }
    }
}
