package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A fault that the JVM raises some time after the access, in code that is first interpreted and later compiled. */
@Timeout(30)
class DelayedFaultTest {
    private static final int TOUCHES = 5_000;

    private static void touch(final long address) {
        Memory.putLong(address, 1);
    }

    @Test
    void aDelayedFaultPassesUnchangedThroughForeignCalls() {
        int raised = 0;
        try (MemFd file = MemFd.create("cut", 8192);
             Mapping mapping = Mapping.map(file.fd(), 0, 8192);
             EventFd event = EventFd.create()) {
            file.resize(0);
            for (int i = 0; i < TOUCHES; i++) {
                try {
                    touch(mapping.address());
                    event.drain();
                    Memory.surfaceFault();
                } catch (final InternalError e) {
                    raised++;
                }
            }
        }
        assertEquals(TOUCHES, raised);
    }

    @Test
    void surfaceFaultRaisesAFaultAndForgetFaultDiscardsIt() {
        int raised = 0;
        try (MemFd file = MemFd.create("cut", 8192);
             Mapping mapping = Mapping.map(file.fd(), 0, 8192)) {
            file.resize(0);
            for (int i = 0; i < TOUCHES; i++) {
                try {
                    touch(mapping.address());
                    Memory.surfaceFault();
                } catch (final InternalError e) {
                    raised++;
                }
                try {
                    touch(mapping.address());
                } catch (InternalError _) {
                    // The JVM raised the fault at once.
                }
                Memory.forgetFault();
                Memory.surfaceFault();
            }
        }
        assertEquals(TOUCHES, raised);
    }
}
