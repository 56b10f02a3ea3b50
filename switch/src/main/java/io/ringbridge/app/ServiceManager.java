package io.ringbridge.app;

import io.ringbridge.control.transport.Datagram;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;

/** Notifies the service manager, if there is one, as sd_notify(3) does. Any thread may call. */
public final class ServiceManager {
    private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
    private static final String SOCKET = "NOTIFY_SOCKET";

    private ServiceManager() {
    }

    /** Reports that this process is ready to serve. */
    public static void ready() {
        send("READY=1");
    }

    /** Reports that another process is the service from now on. Only the old main process may send this message. */
    static void succeeded(final long pid) {
        send("MAINPID=" + pid);
    }

    private static void send(final String message) {
        final String path = System.getenv(SOCKET);
        if (path == null || path.isEmpty()) {
            return;
        }
        try {
            Datagram.send(path, message);
        } catch (final IOException e) {
            LOG.warn("cannot send {} to the service manager at {}: {}", message, path, e.getMessage());
        }
    }
}
