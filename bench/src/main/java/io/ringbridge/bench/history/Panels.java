package io.ringbridge.bench.history;

import java.util.List;

import static io.ringbridge.bench.history.Panel.Axis.LINEAR;
import static io.ringbridge.bench.history.Panel.Axis.LOGARITHMIC;
import static io.ringbridge.bench.history.Panel.Show.ALL;
import static io.ringbridge.bench.history.Panel.Show.BEST;

/** The diagrams of the plot, in the order of the questions of {@code docs/performance.md}. */
final class Panels {
    /** The systems, in the order of their colours, which are the same in all diagrams. */
    static final List<String> SYSTEMS = List.of("Ringbridge", "DPDK pipe", "OVS-DPDK");

    private static final String RINGBRIDGE = SYSTEMS.get(0);
    private static final String PIPE = SYSTEMS.get(1);
    private static final String OVS = SYSTEMS.get(2);
    private static final String MFPS = "million frames/s";

    private Panels() {
    }

    static List<Panel> all() {
        return List.of(
            rate("64 bytes, split rings", "frame_bytes=64", "rings=split"),
            rate("64 bytes, packed rings", "frame_bytes=64", "rings=packed"),
            rate("1500 bytes, split rings", "frame_bytes=1500", "rings=split"),
            rate("1500 bytes, packed rings", "frame_bytes=1500", "rings=packed"),
            systems("64 bytes, split rings, processors apart", "frame_bytes=64", "rings=split",
                "processors=apart"),
            Panel.of("Rate relative to other switches, all work", "ratio", "compare-ratios.csv", LINEAR, ALL)
                .curve("to " + PIPE, "to_pipe").curve("to " + OVS, "to_ovs"),
            bulk("Large TCP packets, guest to guest", "work=guest-to-guest"),
            bulk("Large TCP packets, guest to tap", "work=guest-to-tap"),
            Panel.of("Builds with and without a feature, 64 bytes", MFPS, "features.csv", LINEAR, ALL, "frame_bytes=64")
                .curve("with", "best_mpps", "build=with").curve("without", "best_mpps", "build=without"),
            Panel.of("Many stations and ports, 64 bytes", MFPS, "scale.csv", LINEAR, ALL)
                .curve("2 stations", "mpps", "ports=2", "stations=2")
                .curve("65,536 stations", "mpps", "stations=65536").curve("64 ports", "mpps", "ports=64"),
            Panel.of("Latency at 4 million frames/s, best trial", "microseconds", "latency.csv", LOGARITHMIC, BEST,
                "load_fps=4000000", "statistic=best")
                .curve("Ringbridge p50", "p50_us", "system=ringbridge")
                .curve("Ringbridge p99", "p99_us", "system=ringbridge")
                .curve("OVS p50", "p50_us", "system=ovs-dpdk").curve("OVS p99", "p99_us", "system=ovs-dpdk"),
            Panel.of("Parts of the datapath", "nanoseconds", "jmh.csv", LOGARITHMIC, BEST, "variant=used")
                .curve("copy 1500 B", "ns", "part=copy", "parameter=1500")
                .curve("look-up", "ns", "part=look-up", "parameter=65536")
                .curve("copy 64 B", "ns", "part=copy", "parameter=64")
                .curve("descriptor", "ns", "part=descriptor", "parameter=split"),
            Panel.of("Silence during a migration or a kill", "milliseconds", "interruptions.csv", LOGARITHMIC, ALL)
                .curve(RINGBRIDGE, "silence_ms", "system=ringbridge",
                    "event=to another port|to a port of one queue pair|to another switch")
                .curve(OVS, "silence_ms", "system=ovs-dpdk")
                .curve("kill", "silence_ms", "event=kill under iperf3|kill under testpmd"),
            Panel.of("Pause of an upgrade", "milliseconds", "upgrades.csv", LOGARITHMIC, ALL)
                .curve("one worker", "pause_ms",
                    "load=closed loop, split|closed loop, packed|closed loop, one worker")
                .curve("two workers", "pause_ms", "load=closed loop, two workers")
                .curve("tap", "pause_ms", "load=tap under ping").curve("iperf3", "pause_ms", "load=iperf3"),
            Panel.of("From the start to open sockets", "seconds", "start.csv", LINEAR, ALL)
                .curve(RINGBRIDGE, "sockets_open_s"),
            Panel.of("First second of forwarding, relative to later ones", "ratio", "start.csv", LINEAR, ALL)
                .curve("split rings", "first_second_split").curve("packed rings", "first_second_packed"));
    }

    private static Panel rate(final String title, final String size, final String rings) {
        return systems(title, size, rings, "processors=near|mixed|same");
    }

    private static Panel systems(final String title, final String... conditions) {
        return Panel.of(title, MFPS, "compare.csv", LINEAR, BEST, conditions)
            .curve(RINGBRIDGE, "best_mpps", "system=ringbridge").curve(PIPE, "best_mpps", "system=dpdk-pipe")
            .curve(OVS, "best_mpps", "system=ovs-dpdk");
    }

    private static Panel bulk(final String title, final String work) {
        return Panel.of(title, "Gbit/s", "bulk.csv", LINEAR, BEST, work)
            .curve(RINGBRIDGE, "best_gbps", "system=ringbridge")
            .curve(OVS, "best_gbps", "system=ovs-dpdk|ovs-dpdk-internal");
    }
}
