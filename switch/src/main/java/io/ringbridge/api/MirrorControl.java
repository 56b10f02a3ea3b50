package io.ringbridge.api;

import java.util.List;

/** The operations of the API on mirrors. Any thread may call. */
public interface MirrorControl {
    /** Returns the mirrors in the order in which they were added. */
    List<MirrorView> views();

    /**
     * Returns a mirror.
     *
     * @throws ApiException if there is no such mirror
     */
    MirrorView view(String name);

    /**
     * Adds a mirror. Its destination takes no part in the bridge until its last mirror is removed.
     *
     * @param spec {@code name=m1,from=vm1,direction=in,to=monitor}, or a JSON object with the same keys; the direction
     *     may be omitted
     * @throws io.ringbridge.config.ConfigException if the specification is malformed, its name is taken, or its ports
     *     do not exist or do not fit the other mirrors; nothing is changed
     */
    MirrorView add(String spec);

    /**
     * Removes a mirror.
     *
     * @throws ApiException if there is no such mirror
     */
    void remove(String name);
}
