package io.ringbridge.api;

import java.util.List;

/** The operations of the API on the workers. Any thread may call. */
public interface WorkerControl {
    /** Returns the workers in the order of their indexes. */
    List<WorkerView> views();
}
