package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.FileDescriptor;
import java.io.IOException;
import java.util.Arrays;

/**
 * The descriptors that came with a message. Owned by the thread that received it; whoever takes one owns it, the rest is closed with
 * this.
 */
public final class Descriptors implements AutoCloseable {
    private static final int TAKEN = -1;

    private int[] numbers = {};

    Descriptors() {
    }

    void add(final int fd) {
        numbers = Arrays.copyOf(numbers, numbers.length + 1);
        numbers[numbers.length - 1] = fd;
    }

    /**
     * The number of a descriptor that a Java object has open; it stays that object's.
     *
     * @throws IOException when it is closed
     */
    public static int number(final FileDescriptor descriptor) throws IOException {
        return FileDescriptorCast.using(descriptor).as(Integer.class);
    }

    /** How many came. */
    public int count() {
        return numbers.length;
    }

    /** Takes one over; the caller closes it. */
    public int take(final int i) {
        final int fd = numbers[i];
        if (fd == TAKEN) {
            throw new IllegalStateException("descriptor " + i + " is taken already");
        }
        numbers[i] = TAKEN;
        return fd;
    }

    /** Closes what nobody took. */
    @Override
    public void close() {
        for (int i = 0; i < numbers.length; i++) {
            if (numbers[i] != TAKEN) {
                Fd.abandon(take(i));
            }
        }
    }
}
