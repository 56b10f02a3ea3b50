package io.ringbridge.control.protocol;

import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

@Timeout(20)
class OutcomeTest {
    @Test
    void descriptorsOfAnUnsentReplyAreClosed() {
        try (EventFd event = EventFd.create()) {
            final int first = Fd.duplicate(event.fd());
            final int second = Fd.duplicate(event.fd());
            assertThrows(IllegalStateException.class, () -> {
                try (Outcome outcome = new Outcome.Reply(new byte[8], first, second)) {
                    throw new IllegalStateException("between making and sending " + outcome);
                }
            });
            assertEquals("", Fd.target(first));
            assertEquals("", Fd.target(second));
        }
    }
}
