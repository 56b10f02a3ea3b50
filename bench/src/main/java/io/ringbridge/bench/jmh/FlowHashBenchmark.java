package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.packet.FlowHash;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;

/** Computes the flow of a frame: IPv4 and UDP, many flows. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED"})
public class FlowHashBenchmark {
    private static final int LENGTH = 128;
    private static final int FRAMES = 256;
    private static final int IP_ADDRESSES = 26;
    /** Two addresses of four bytes and two ports of two bytes. */
    private static final int TUPLE = 12;
    /** The start of the key that most drivers give to network cards. */
    private static final long[] TOEPLITZ = {0x6d5a56da255b0ec2L, 0x4167253d43a38fb0L, 0xd0ca2bcbae7b30b4L};

    private final Frame frame = new Frame();
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer tuple = ByteBuffer.allocate(TUPLE);
    private long frames;
    private long scratch;
    private int turn;

    @Setup
    public void write() {
        scratch = Memory.allocate(FlowHash.LOOK_AHEAD);
        frames = Memory.allocate((long) FRAMES * LENGTH);
        for (int i = 0; i < FRAMES; i++) {
            final long at = frames + (long) i * LENGTH;
            Memory.putShort(at + 12, (short) 0x0008);
            Memory.putByte(at + 14, (byte) 0x45);
            Memory.putByte(at + 23, (byte) 17);
            Memory.putLong(at + IP_ADDRESSES, 0x0A00_0001_0A00_0002L + i);
            Memory.putInt(at + 34, 0x1234_5678 + i * 7);
        }
    }

    private long next() {
        turn = turn + 1 & FRAMES - 1;
        return frames + (long) turn * LENGTH;
    }

    /** Multiplies once per word. Copies the headers first, because a guest may change them concurrently. */
    @Benchmark
    public int used() {
        frame.clear();
        frame.add(next(), LENGTH);
        return FlowHash.of(frame, scratch);
    }

    /**
     * Uses the processor's CRC instruction over addresses and ports. The intermediate array costs more than the
     * instruction saves.
     */
    @Benchmark
    public long crc32c() {
        final long at = next() + IP_ADDRESSES;
        tuple.putLong(0, Memory.getLong(at)).putInt(8, Memory.getInt(at + 8));
        crc.reset();
        crc.update(tuple.array(), 0, TUPLE);
        return crc.getValue();
    }

    /** Uses the hash of network cards, bit by bit. It is designed for hardware. */
    @Benchmark
    public int toeplitz() {
        final long at = next() + IP_ADDRESSES;
        final long first = Long.reverseBytes(Memory.getLong(at));
        final long second = (long) Integer.reverseBytes(Memory.getInt(at + 8)) << 32;
        final long hash = toeplitz(first, Long.SIZE, TOEPLITZ[0], TOEPLITZ[1])
            ^ toeplitz(second, Integer.SIZE, TOEPLITZ[1], TOEPLITZ[2]);
        return (int) (hash >>> 32);
    }

    private static long toeplitz(final long bits, final int count, final long key, final long following) {
        long hash = 0;
        long window = key;
        for (int i = 0; i < count; i++) {
            hash ^= window & bits << i >> 63;
            window = window << 1 | following << i >>> 63;
        }
        return hash;
    }
}
