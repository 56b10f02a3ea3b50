package io.ringbridge.control.protocol;

import io.ringbridge.datapath.os.Fd;

import java.util.Arrays;

/** The outcome of a request that was not refused. The session closes it, whether the reply could be sent or not. */
public sealed interface Outcome extends AutoCloseable {
    /** The request succeeded, and has no reply of its own. */
    Outcome DONE = new Done();

    /** Returns a reply that consists of a number. */
    static Outcome number(final long value) {
        return new Reply(Codec.number(value));
    }

    @Override
    void close();

    /** The request has no reply of its own. The front-end receives an acknowledgement if it requests one. */
    record Done() implements Outcome {
        @Override
        public void close() {
            // There is nothing to close.
        }
    }

    /**
     * A reply.
     *
     * @param payload the bytes of the reply
     * @param descriptors the descriptors sent with the reply, which owns them
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Reply(byte[] payload, int... descriptors) implements Outcome {
        @Override
        public void close() {
            Arrays.stream(descriptors).forEach(Fd::close);
        }
    }
}
