package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.bridge.ForwardingTable;
import org.agrona.collections.Long2LongHashMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Looks up stations in tables of several sizes, in an order that no prefetcher predicts. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED"})
public class TableBenchmark {
    private static final int PORTS = 64;
    private static final int AGEING_SECONDS = 300;
    private static final int CAPACITY = 65536;
    private static final int LOOKUPS = 1 << 16;
    private static final long ADDRESS = 0x7262_0002L;

    /** The number of stations. */
    @Param({"2", "1024", "65536"})
    private int stations;

    private ForwardingTable table;
    private Map<Long, Integer> map;
    private Long2LongHashMap open;
    private long[] wanted;
    private int turn;

    @Setup
    public void learn() {
        table = new ForwardingTable(CAPACITY, AGEING_SECONDS, PORTS);
        map = new ConcurrentHashMap<>();
        open = new Long2LongHashMap(-1);
        for (int i = 0; i < stations; i++) {
            final long key = key(i);
            table.learn(key, i % PORTS, 0);
            map.put(key, i % PORTS);
            open.put(key, i % PORTS);
        }
        final SplittableRandom random = new SplittableRandom(stations);
        wanted = random.ints(LOOKUPS, 0, stations).mapToLong(TableBenchmark::key).toArray();
    }

    private static long key(final int station) {
        return ForwardingTable.key(ADDRESS | (long) station << 32 & 0xFFFF_0000_0000L, 0);
    }

    private long next() {
        turn = turn + 1 & LOOKUPS - 1;
        return wanted[turn];
    }

    /** Uses cache lines of four stations, which any worker reads and writes. */
    @Benchmark
    public int used() {
        return table.find(next(), 1);
    }

    /** Is as concurrent as the switch's table, with one object per station and one per port. */
    @Benchmark
    public @Nullable Integer concurrentHashMap() {
        return map.get(next());
    }

    /** Uses open addressing, which is the fastest table for one thread. Other threads cannot read it during a write. */
    @Benchmark
    public long openAddressing() {
        return open.get(next());
    }
}
