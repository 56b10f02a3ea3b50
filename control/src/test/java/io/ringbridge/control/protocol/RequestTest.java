package io.ringbridge.control.protocol;

import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RequestTest {
    /** The front-end's messages in the specification's order of numbers, from 1 on. */
    private static final List<String> SPECIFICATION = List.of(
        "GET_FEATURES", "SET_FEATURES", "SET_OWNER", "RESET_OWNER", "SET_MEM_TABLE", "SET_LOG_BASE", "SET_LOG_FD", "SET_VRING_NUM",
        "SET_VRING_ADDR", "SET_VRING_BASE", "GET_VRING_BASE", "SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR",
        "GET_PROTOCOL_FEATURES", "SET_PROTOCOL_FEATURES", "GET_QUEUE_NUM", "SET_VRING_ENABLE", "SEND_RARP", "NET_SET_MTU",
        "SET_BACKEND_REQ_FD", "IOTLB_MSG", "SET_VRING_ENDIAN", "GET_CONFIG", "SET_CONFIG", "CREATE_CRYPTO_SESSION",
        "CLOSE_CRYPTO_SESSION", "POSTCOPY_ADVISE", "POSTCOPY_LISTEN", "POSTCOPY_END", "GET_INFLIGHT_FD", "SET_INFLIGHT_FD",
        "GPU_SET_SOCKET", "RESET_DEVICE", "VRING_KICK", "GET_MAX_MEM_SLOTS", "ADD_MEM_REG", "REM_MEM_REG", "SET_STATUS", "GET_STATUS",
        "GET_SHARED_OBJECT", "SET_DEVICE_STATE_FD", "CHECK_DEVICE_STATE", "GET_SHMEM_CONFIG");

    private static final List<String> BACK_END = List.of(
        "IOTLB_MSG", "CONFIG_CHANGE_MSG", "VRING_HOST_NOTIFIER_MSG", "VRING_CALL", "VRING_ERR", "SHARED_OBJECT_ADD",
        "SHARED_OBJECT_REMOVE", "SHARED_OBJECT_LOOKUP", "SHMEM_MAP", "SHMEM_UNMAP");

    private static final List<String> PROTOCOL_FEATURES = List.of(
        "MQ", "LOG_SHMFD", "RARP", "REPLY_ACK", "MTU", "BACKEND_REQ", "CROSS_ENDIAN", "CRYPTO_SESSION", "PAGEFAULT", "CONFIG",
        "BACKEND_SEND_FD", "HOST_NOTIFIER", "INFLIGHT_SHMFD", "RESET_DEVICE", "INBAND_NOTIFICATIONS", "CONFIGURE_MEM_SLOTS", "STATUS",
        "XEN_MMAP", "SUSPEND", "DEVICE_STATE", "GET_VRING_BASE_INFLIGHT", "GPA_ADDRESSES", "SHMEM");

    @Test
    void numbersAreTheSpecifications() {
        for (int i = 0; i < SPECIFICATION.size(); i++) {
            assertEquals(i + 1, Request.valueOf(SPECIFICATION.get(i)).id());
        }
        assertEquals(SPECIFICATION.size() + 2, Request.values().length, "and SUSPEND and RESUME, which share two numbers");
        for (int i = 0; i < BACK_END.size(); i++) {
            assertEquals(i + 1, BackendRequest.valueOf(BACK_END.get(i)).id());
        }
        assertEquals(BACK_END.size(), BackendRequest.values().length);
    }

    @Test
    void featureBitsAreTheSpecifications() {
        for (int i = 0; i < PROTOCOL_FEATURES.size(); i++) {
            assertEquals(1L << i, ProtocolFeature.valueOf(PROTOCOL_FEATURES.get(i)).mask());
        }
        assertEquals(PROTOCOL_FEATURES.size(), ProtocolFeature.values().length);
        assertEquals(List.of("mq", "status", "63"), ProtocolFeature.names(1L | 1L << 16 | 1L << 63));
        assertEquals(List.of("mrg_rxbuf", "version_1", "63"), VirtioFeatures.names(1L << 15 | 1L << 32 | 1L << 63));
    }

    @Test
    void everyNumberIsFoundWithTheSizeItHas() {
        for (final Request request : Request.values()) {
            assertSame(request, Request.of(request.id(), request.payload().max(), request.descriptors().max()));
        }
        for (final int id : new int[] {0, 45, 46, 1000, 65537, -1, Integer.MIN_VALUE}) {
            assertNull(Request.of(id, 0, 0));
        }
    }

    @Test
    void theTwoMeaningsOf41And42AreToldApart() {
        assertSame(Request.SUSPEND, Request.of(41, 0, 0));
        assertSame(Request.GET_SHARED_OBJECT, Request.of(41, 16, 0));
        assertSame(Request.RESUME, Request.of(42, 0, 0));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 8, 1));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 0, 1));
        assertSame(Request.SET_DEVICE_STATE_FD, Request.of(42, 8, 0));
    }

    @Test
    void whatStopsOrMovesARingQuiescesTheDatapath() {
        for (final Request request : List.of(Request.SET_MEM_TABLE, Request.REM_MEM_REG, Request.GET_VRING_BASE, Request.RESET_DEVICE,
            Request.SET_VRING_ADDR, Request.SUSPEND)) {
            assertTrue(request.quiesces());
        }
        assertEquals(Request.Reply.ALWAYS, Request.GET_VRING_BASE.reply());
        assertEquals(Request.Reply.ACK, Request.SET_VRING_KICK.reply());
    }
}
