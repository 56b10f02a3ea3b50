package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.FileDescriptor;
import java.io.IOException;
import java.util.Arrays;

/**
 * The descriptors that arrived with a message. Owned by the thread that received it. A caller that takes a descriptor
 * owns it; {@link #close} closes the others.
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
     * Returns the number of a descriptor that a Java object has open. That object still owns it.
     *
     * @throws IOException if the descriptor is closed
     */
    public static int number(final FileDescriptor descriptor) throws IOException {
        return FileDescriptorCast.using(descriptor).as(Integer.class);
    }

    /** Returns the number of descriptors that arrived. */
    public int count() {
        return numbers.length;
    }

    /** Takes a descriptor, which the caller closes. */
    public int take(final int i) {
        final int fd = numbers[i];
        if (fd == TAKEN) {
            throw new IllegalStateException("descriptor " + i + " has been taken already");
        }
        numbers[i] = TAKEN;
        return fd;
    }

    /** Closes the descriptors that nobody took. */
    @Override
    public void close() {
        for (int i = 0; i < numbers.length; i++) {
            if (numbers[i] != TAKEN) {
                Fd.abandon(take(i));
            }
        }
    }
}
