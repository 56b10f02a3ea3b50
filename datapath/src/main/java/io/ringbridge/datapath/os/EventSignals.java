package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Adds to eventfds without ever waiting.
 *
 * <p>write(2) to a full one waits if it is blocking, and a peer that shares it can make it both at any time; the kernel knows no flag
 * against that, as it does for reading. But when an operation of its asynchronous I/O ends, it signals the eventfd that was named with it,
 * and that never waits. The operation here is to read less from the eventfd than the 8 bytes it gives, which has failed, and ended, when
 * the call returns. It takes 0.3 microseconds, write(2) 0.13.
 *
 * <p>One for the process, for as long as that lives. Thread safe: each thread has a request of its own.
 */
final class EventSignals {
    private static final boolean ARM = "aarch64".equals(System.getProperty("os.arch"));
    private static final long IO_SETUP = ARM ? 0 : 206;
    private static final long IO_SUBMIT = ARM ? 2 : 209;
    private static final long IO_GETEVENTS = ARM ? 4 : 208;

    // the system call takes an array of addresses, of one here, of struct iocb, which follows it
    private static final long IOCB = 8;
    private static final long IOCB_FILE = IOCB + 20;
    private static final long IOCB_FLAGS = IOCB + 56;
    private static final long IOCB_EVENTFD = IOCB + 60;
    private static final long REQUEST_BYTES = IOCB + 64;
    private static final int IOCB_FLAG_RESFD = 1;

    private static final int UNFETCHED = 128;
    private static final long RESULT_BYTES = 32;

    private static EventSignals instance;

    private final long context;
    private final ThreadLocal<MemorySegment> requests = ThreadLocal.withInitial(EventSignals::request);
    /** Written by whichever threads fetch results, and read by none. */
    private final long results = Arena.global().allocate(UNFETCHED * RESULT_BYTES, Long.BYTES).address();

    private EventSignals(final long context) {
        this.context = context;
    }

    /**
     * That of this process.
     *
     * @throws OsException where the kernel has no asynchronous I/O, or others have all of it
     */
    static synchronized EventSignals get() {
        if (instance == null) {
            instance = open();
        }
        return instance;
    }

    private static EventSignals open() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment context = arena.allocate(JAVA_LONG);
            final long rc = Libc.syscall(IO_SETUP, UNFETCHED, context.address(), 0, 0, 0);
            if (rc < 0) {
                throw rc == -Libc.EAGAIN
                    ? new OsException("io_setup: other programs use all asynchronous I/O there is; the sysctl fs.aio-max-nr allows more")
                    : new OsException("io_setup, for asynchronous I/O", rc);
            }
            return new EventSignals(context.get(JAVA_LONG, 0));
        }
    }

    private static MemorySegment request() {
        final MemorySegment request = Arena.ofAuto().allocate(REQUEST_BYTES, Long.BYTES);
        request.set(JAVA_LONG, 0, request.address() + IOCB);
        request.set(JAVA_INT, IOCB_FLAGS, IOCB_FLAG_RESFD);
        return request;
    }

    /** Adds one to a counter, which wakes whoever waits for it. Allocates nothing. */
    void signal(final int eventfd) {
        final MemorySegment request = requests.get();
        request.set(JAVA_INT, IOCB_FILE, eventfd);
        request.set(JAVA_INT, IOCB_EVENTFD, eventfd);
        while (Libc.syscall(IO_SUBMIT, context, 1, request.address(), 0, 0) == -Libc.EAGAIN) {
            Libc.syscall(IO_GETEVENTS, context, 0, UNFETCHED, results, 0); // all have ended: that makes room
        }
    }
}
