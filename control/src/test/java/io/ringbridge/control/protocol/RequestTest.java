package io.ringbridge.control.protocol;

import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

class RequestTest {
    @Test
    void featureBitsAreShownByName() {
        assertEquals(List.of("mq", "status", "63"), ProtocolFeature.names(1L | 1L << 16 | 1L << 63));
        assertEquals(List.of("mrg_rxbuf", "version_1", "63"), VirtioFeatures.names(1L << 15 | 1L << 32 | 1L << 63));
    }

    @Test
    void requestsAreFoundByNumberAndSize() {
        for (final Request request : Request.values()) {
            assertSame(request, Request.of(request.id(), request.payload().max(), request.descriptors().max()));
        }
        for (final int id : new int[] {0, 46, 47, 1000, 65537, -1, Integer.MIN_VALUE}) {
            assertNull(Request.of(id, 0, 0));
        }
    }

    @Test
    void theTwoMeaningsOf41And42AreDistinguished() {
        assertSame(Request.SUSPEND, Request.of(41, 0, 0));
        assertSame(Request.GET_SHARED_OBJECT, Request.of(41, 16, 0));
        assertSame(Request.RESUME, Request.of(42, 0, 0));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 8, 1));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 0, 1));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 8, 0));
    }

    @Test
    void requestsReplyAlwaysOrOnlyToAcknowledge() {
        assertEquals(Request.Reply.ALWAYS, Request.GET_VRING_BASE.reply());
        assertEquals(Request.Reply.ACK, Request.SET_VRING_KICK.reply());
    }
}
