package io.ringbridge.datapath.worker;

/** Ends the thread of a worker that fails in every duty cycle. */
final class WorkerFailedError extends Error {
    private static final long serialVersionUID = 1;

    WorkerFailedError(final int cycles, final Throwable last) {
        super(cycles + " consecutive duty cycles have failed; the last: " + last, last);
    }
}
