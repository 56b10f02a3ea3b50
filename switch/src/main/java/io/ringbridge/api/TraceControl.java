package io.ringbridge.api;

import java.util.List;

/** The operations of the API on the traces of the ports. Any thread may call. */
public interface TraceControl {
    /**
     * Returns the last messages of a port's vhost-user sessions, the oldest first.
     *
     * @throws ApiException if there is no such port, or if it has no sessions
     */
    List<MessageView> messages(String port);

    /**
     * Returns the last frames of a port, the oldest first.
     *
     * @throws ApiException if there is no such port, or if frames are not recorded
     */
    List<FrameView> frames(String port);
}
