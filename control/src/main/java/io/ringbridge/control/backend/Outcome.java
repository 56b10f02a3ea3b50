package io.ringbridge.control.backend;

import io.ringbridge.datapath.os.Fd;

import java.util.Arrays;

/** What came of a request. The session closes it, whether it could be sent or not. */
sealed interface Outcome extends AutoCloseable {
    /** The request was carried out, and has no reply of its own. */
    Outcome DONE = new Done();

    /** Returns the reply, or {@link #DONE} if there is none. */
    static Outcome of(final byte[] reply) {
        return reply == null ? DONE : new Reply(reply);
    }

    @Override
    void close();

    /** Only an acknowledgement goes back, if the front-end wants one. */
    record Done() implements Outcome {
        @Override
        public void close() {
            // It holds nothing.
        }
    }

    /**
     * A reply.
     *
     * @param payload its bytes
     * @param descriptors what goes with it; closed with this
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Reply(byte[] payload, int... descriptors) implements Outcome {
        @Override
        public void close() {
            Arrays.stream(descriptors).forEach(Fd::close);
        }
    }
}
