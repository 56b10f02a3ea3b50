package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/**
 * A burst through a transmit ring, with both sides in one thread. The driver makes buffers available, the device takes
 * and uses them, and the driver reclaims them. Times are per buffer.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED"})
public class RingBenchmark {
    private static final int BURST = 32;
    private static final int SIZE = 1024;
    private static final int LENGTH = 76;
    private static final long BYTES = 1 << 20;
    private static final long BUFFERS = 1 << 18;
    private static final int DESCRIPTOR = 16;

    /** The layout of the ring. */
    @Param({"split", "packed"})
    private String layout;

    private final Segments chain = new Segments();
    private GuestRam ram;
    private DriverRing driver;
    private DeviceRing device;
    private MemorySegment descriptors;
    private long base;
    private int turn;

    @Setup
    public void create() {
        ram = GuestRam.create("bench-ring", BYTES);
        base = ram.address();
        final boolean packed = "packed".equals(layout);
        final long features = Features.of(Features.VERSION_1) | (packed ? Features.of(Features.RING_PACKED) : 0);
        final RingAddresses addresses = new RingAddresses(base, base + (1 << 16), base + (1 << 17));
        driver = DriverRing.create(SIZE, features, addresses);
        device = DeviceRing.create(new RingConfig(SIZE, features, addresses, DriverRing.freshBase(features),
            ram.memory()));
        device.suppressKicks();
        descriptors = MemorySegment.ofAddress(base).reinterpret(BYTES);
    }

    @TearDown
    public void free() {
        ram.close();
    }

    private void offer() {
        for (int i = 0; i < BURST; i++) {
            driver.add(GuestRam.GUEST_ADDRESS + BUFFERS + i * 128L, LENGTH, false);
        }
        driver.publish();
    }

    private void reclaim() {
        int id = driver.poll();
        while (id >= 0) {
            id = driver.poll();
        }
    }

    /** Publishes used buffers once per burst. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long used() {
        offer();
        long sum = 0;
        while (device.next(chain, false) == DeviceRing.TAKEN) {
            sum += chain.address(0);
        }
        for (int i = device.out(); i > 0; i--) {
            device.use(0);
        }
        device.publish();
        reclaim();
        return sum;
    }

    /** Publishes each chain as soon as it is used, with one release store per chain instead of one per burst. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long shownOneByOne() {
        offer();
        long sum = 0;
        while (device.next(chain, false) == DeviceRing.TAKEN) {
            sum += chain.address(0);
            device.use(0);
            device.publish();
        }
        reclaim();
        return sum;
    }

    private long next() {
        turn = turn + BURST & SIZE - 1;
        return (long) turn * DESCRIPTOR;
    }

    /** Only reads a burst of descriptors, as the rings do. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long readRaw() {
        long sum = 0;
        final long at = base + next();
        for (long i = 0; i < (long) BURST * DESCRIPTOR; i += DESCRIPTOR) {
            sum += Memory.getLong(at + i) ^ Memory.getLong(at + i + 8);
        }
        return sum;
    }

    /** Only reads a burst of descriptors, through a memory segment that checks bounds and liveness. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long readMemorySegment() {
        long sum = 0;
        final long at = next();
        for (long i = 0; i < (long) BURST * DESCRIPTOR; i += DESCRIPTOR) {
            sum += descriptors.get(ValueLayout.JAVA_LONG_UNALIGNED, at + i)
                ^ descriptors.get(ValueLayout.JAVA_LONG_UNALIGNED, at + i + 8);
        }
        return sum;
    }
}
