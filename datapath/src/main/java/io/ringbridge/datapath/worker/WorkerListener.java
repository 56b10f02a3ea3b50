package io.ringbridge.datapath.worker;

/** Receives the errors of workers. Called on a worker's thread; no method may throw. */
public interface WorkerListener {
    /** Ignores every error. */
    WorkerListener SILENT = new WorkerListener() {
        @Override
        public void failed(final String worker, final Throwable why) {
            // ignored
        }

        @Override
        public void unexplained(final String worker, final String what) {
            // ignored
        }

        @Override
        public void ended(final String worker, final Throwable why) {
            // ignored
        }
    };

    /** Reports that a worker failed, restored its rings, and continues. */
    void failed(String worker, Throwable why);

    /** Reports that a worker met a fault in guest memory that no port could be shown to have caused, and continues. */
    void unexplained(String worker, String what);

    /** Reports that a worker's thread has ended unexpectedly. Its queues are no longer served. */
    void ended(String worker, Throwable why);
}
