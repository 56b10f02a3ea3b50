package io.ringbridge.app.diagnosis;

import io.ringbridge.app.diagnosis.Finding.Kind;
import io.ringbridge.datapath.port.PortState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.List;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the rules of the diagnosis, with a clock that the test advances. */
@Timeout(20)
class DiagnosisTest {
    private final Diagnosis diagnosis = new Diagnosis();
    private long nanos;

    /** Diagnoses the same reading that many times, one second apart, and returns the last finding. */
    private Finding diagnose(final int times, final PortReading reading) {
        Finding found = null;
        for (int i = 0; i < times; i++) {
            nanos += TimeUnit.SECONDS.toNanos(1);
            found = diagnosis.examine(reading, nanos);
        }
        return found;
    }

    private static PortReading running(final long taken, final long delivered, final long unbuffered,
        final long kicks) {
        return new PortReading(PortState.RUNNING, List.of(), true, taken, delivered, unbuffered, kicks, true);
    }

    private static PortReading attached(final PortState state, final boolean negotiated, final String... causes) {
        return new PortReading(state, List.of(causes), false, 0, 0, 0, 0, negotiated);
    }

    @Test
    void kicksWithoutAFrameIndicateMemoryThatIsNotShared() {
        assertNull(diagnose(100, running(0, 0, 0, 1)));
        assertEquals("the guest sends kicks, but its rings stay empty: is its memory shared (share=on)?",
            diagnose(1, running(0, 0, 0, 2)).text());
        assertEquals(Kind.MEMORY_NOT_SHARED, diagnose(100, running(0, 0, 0, 300)).kind());
        assertNull(diagnose(1, running(1, 0, 0, 301)), "a frame was taken");
    }

    @Test
    void kicksOfAReceivingOrJustStartedGuestAreIgnored() {
        assertNull(diagnose(1, running(0, 0, 0, 50)));
        assertNull(diagnose(1, running(0, 0, 0, 50)));
        assertNull(diagnose(100, running(0, 1, 0, 50)));
        assertNull(diagnose(100, running(1, 0, 0, 5000)));
    }

    @Test
    void consecutiveFramesWithoutABufferAreReported() {
        assertNull(diagnose(3, running(5, 5, 7, 0)));
        assertNull(diagnose(1, running(5, 5, 10, 0)));
        assertNull(diagnose(2, running(5, 5, 20, 0)));
        assertEquals("the guest provides no receive buffers, and 23 consecutive frames were dropped: "
            + "is its interface down, or the virtual machine stopped?", diagnose(1, running(5, 5, 30, 0)).text());
        assertEquals(Kind.NO_RECEIVE_BUFFERS, diagnose(20, running(5, 5, 30, 0)).kind(), "no frame has arrived since");
        assertNull(diagnose(1, running(5, 6, 40, 0)), "a frame found a buffer");
        assertNull(diagnose(10, running(5, 6, 40, 0)));
    }

    @Test
    void aGuestThatReceivesTooSlowlyIsNotReported() {
        for (int i = 1; i < 100; i++) {
            assertNull(diagnose(1, running(5, 5 + i, 100L * i, 0)));
        }
    }

    @Test
    void aSingleDroppedBurstIsNotReported() {
        assertNull(diagnose(5, running(5, 5, 0, 0)));
        assertNull(diagnose(50, running(5, 5, 1000, 0)));
        assertNull(diagnose(1, running(5, 5, 1001, 0)), "another dropped frame much later");
    }

    @Test
    void aPortThatDoesNotRunReportsTheReason() {
        assertNull(diagnose(10, attached(PortState.WAITING, false)));
        assertNull(diagnose(1, attached(PortState.CONNECTED, false)));
        assertTrue(diagnose(2, attached(PortState.CONNECTED, false)).text()
            .startsWith("the guest's driver has not started: "));
        assertTrue(diagnose(1, attached(PortState.CONNECTED, true)).text().startsWith("features are negotiated, but "));
        assertEquals(Kind.RINGS_NOT_ENABLED, diagnose(3, attached(PortState.RUNNING, true)).kind());
        assertEquals("suspended by the operator", diagnose(1, attached(PortState.SUSPENDED, true, "operator")).text());
        assertEquals("suspended by the driver and the operator",
            diagnose(1, attached(PortState.SUSPENDED, true, "driver", "operator")).text());
        assertEquals("the front-end has stopped every ring: is the virtual machine paused?",
            diagnose(1, attached(PortState.SUSPENDED, true)).text());
        assertNull(diagnose(10, attached(PortState.FAILED, true)));
    }

    @Test
    void warningsWaitForTheGuestToBoot() {
        assertTrue(!Kind.DRIVER_NOT_STARTED.warnsAfter(TimeUnit.SECONDS.toNanos(59)));
        assertTrue(Kind.DRIVER_NOT_STARTED.warnsAfter(TimeUnit.SECONDS.toNanos(60)));
        assertTrue(Kind.MEMORY_NOT_SHARED.warnsAfter(0));
        assertTrue(!Kind.SUSPENDED.warnsAfter(Long.MAX_VALUE));
    }
}
