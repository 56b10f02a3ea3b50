package io.ringbridge.datapath.worker;

/** Hears what goes wrong with workers. Called on a worker's thread; no method may throw. */
public interface WorkerListener {
    /** A worker failed, has put its rings in order, and goes on. */
    void failed(String worker, Throwable why);

    /** A worker met a fault in guest memory that nobody could be shown to be the cause of, and goes on. */
    void unexplained(String worker, String what);

    /** A worker's thread has ended, and was not asked to: its queues are served no more. */
    void ended(String worker, Throwable why);
}
