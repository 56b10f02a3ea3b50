package io.ringbridge.bench.load;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.packet.MacAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.ByteBuffer;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The frames of the load are valid on any network, and only their lane's receiver recognises them. */
class WireTest {
    private static final long FRAME = Memory.allocate(FrameMix.LONGEST);

    private static byte[] write(final int lane, final int length, final int flow) {
        Wire.write(FRAME, Wire.header(lane, Wire.mac(lane), Wire.mac(lane + 1), length), flow, 0x0102_0304_0506_0708L,
            99);
        final byte[] frame = new byte[length];
        Memory.copy(FRAME, frame, 0, length);
        return frame;
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 570, 1518, 9000})
    void aFrameIsValidIpv4AndUdp(final int length) {
        final ByteBuffer frame = ByteBuffer.wrap(write(3, length, 17));
        assertEquals(0x0800, frame.getShort(12));
        assertEquals(length - 14, frame.getShort(16) & 0xFFFF, "IPv4 total length");
        assertEquals(length - 34, frame.getShort(38) & 0xFFFF, "UDP length");
        int sum = 0;
        for (int i = 14; i < 34; i += 2) {
            sum += frame.getShort(i) & 0xFFFF;
        }
        assertEquals(0xFFFF, (sum & 0xFFFF) + (sum >>> 16), "IPv4 checksum");
        assertEquals("02:72:62:00:00:04", MacAddress.format(Memory.getLong(FRAME) & 0xFFFF_FFFF_FFFFL));
        assertEquals("02:72:62:00:00:03", MacAddress.format(Memory.getLong(FRAME + 6) & 0xFFFF_FFFF_FFFFL));
        assertEquals(99, Memory.getLong(FRAME + Wire.TIME));
    }

    @Test
    void aFrameBelongsToOneLaneAndOneFlow() {
        write(3, 64, 2047);
        assertEquals(2047, Wire.flow(FRAME, 64, 3));
        assertEquals(-1, Wire.flow(FRAME, 64, 4), "another lane");
        assertEquals(-1, Wire.flow(FRAME, 57, 3), "too short");
        Memory.putByte(FRAME + 23, (byte) 6);
        assertEquals(-1, Wire.flow(FRAME, 64, 3), "TCP");
    }

    @Test
    void theMixHasSevenShortFourMediumAndOneLongFrame() {
        final List<Integer> lengths = FrameMix.parse("IMIX").lengths();
        assertEquals(12, lengths.size());
        assertEquals(7, lengths.stream().filter(length -> length == 64).count());
        assertEquals(4, lengths.stream().filter(length -> length == 570).count());
        assertEquals(1, lengths.stream().filter(length -> length == 1518).count());
        assertEquals(9000, FrameMix.longestOf(FrameMix.parse("imix"), FrameMix.parse("9000")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"63", "9001", "", "1e3", "mix"})
    void otherSizesAreRefused(final String text) {
        final String message = assertThrows(IllegalArgumentException.class, () -> FrameMix.parse(text)).getMessage();
        assertTrue(message.contains("64 to 9000 bytes or imix"), message);
    }
}
