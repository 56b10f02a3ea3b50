package io.ringbridge.api;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** The operations of the API on captures. Any thread may call. */
public interface CaptureControl {
    /** Returns the captures that are under way. */
    List<CaptureView> views();

    /**
     * Begins a capture. The caller must write it, whatever happens in between.
     *
     * @param spec {@code port=vm1,direction=in,filter=arp,snaplen=96,count=10}, or a JSON object with the same keys;
     *     all but the port may be omitted
     * @throws ApiException if there is no such port, or if there are too many captures
     * @throws io.ringbridge.config.ConfigException if the specification or its filter is malformed
     */
    Stream begin(String spec);

    /** The frames of a capture. */
    interface Stream {
        /**
         * Writes the frames as pcapng until the capture has ended, and ends it.
         *
         * @throws IOException if the client is gone
         * @throws InterruptedException if the connection is closed
         */
        void writeTo(OutputStream out) throws IOException, InterruptedException;
    }
}
