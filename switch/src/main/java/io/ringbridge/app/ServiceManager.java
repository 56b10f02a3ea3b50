package io.ringbridge.app;

import io.ringbridge.control.transport.Datagram;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;

/** Tells the service manager, where one listens, what it cannot see; as sd_notify(3) does. Any thread may call in. */
public final class ServiceManager {
    private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
    private static final String SOCKET = "NOTIFY_SOCKET";

    private ServiceManager() {
    }

    /** This process has begun to serve. */
    public static void ready() {
        tell("READY=1");
    }

    /** Another process is the service from now on. Only the one that was may say so. */
    static void succeeded(final long pid) {
        tell("MAINPID=" + pid);
    }

    private static void tell(final String what) {
        final String path = System.getenv(SOCKET);
        if (path == null || path.isEmpty()) {
            return;
        }
        try {
            Datagram.send(path, what);
        } catch (final IOException e) {
            LOG.warn("the service manager at {} is not told {}: {}", path, what, e.getMessage());
        }
    }
}
