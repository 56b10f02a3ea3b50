package io.ringbridge.api;

import io.ringbridge.config.ConfigException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A switch that returns fixed views and records its commands. */
class FakeSwitch implements SwitchControl {
    static final PortView PORT = new PortView("a", "vhost-user", "/tmp/a.sock", null, null, null, "server", "running",
        null, null, null, 1, 1500, 10, List.of("20", "30-39"), List.of("version_1"), 1, 64, 2, 128,
        Map.of("no-buffer", 3L), new RatesView(5, 320, 0, 0, 0));

    final List<String> done = new ArrayList<>();
    volatile String problem;
    List<StationView> stations = List.of(new StationView("52:54:00:00:00:01", 0, "a", true, 0));

    @Override
    public PortControl ports() {
        return new Ports();
    }

    @Override
    public TraceControl traces() {
        return new Traces();
    }

    @Override
    public MirrorControl mirrors() {
        return new Mirrors();
    }

    @Override
    public FdbControl fdb() {
        return new Fdb();
    }

    @Override
    public WorkerControl workers() {
        return () -> List.of(new WorkerView(0, -1, 2, 0.5, 10, 52.5, 3.5, 1000, 0));
    }

    @Override
    public LatencyControl latency() {
        return port -> {
            done.add("latency " + port);
            final LatencyView.Percentiles some = new LatencyView.Percentiles(1_000, 2_000, 3_000, 4_000, 5_000);
            return new LatencyView(0, List.of(new LatencyView.OfPort("a", 2, "2026-11-30T12:00:00Z", some, some),
                new LatencyView.OfPort("b", 0, "2026-11-30T12:00:00Z", some, some)));
        };
    }

    @Override
    public InterruptionControl interruptions() {
        return port -> {
            if ("none".equals(port)) {
                throw new ApiException(404, "no port is named \"none\"");
            }
            done.add("interruptions " + port);
            return List.of(
                new InterruptionView("a", "upgrade", "2026-11-30T12:00:00.500Z", 27_300_000, false),
                new InterruptionView("b", "reconnect", "2026-11-30T12:00:01.000Z", 3_200_000_000L, true));
        };
    }

    @Override
    public CaptureControl captures() {
        return new CaptureControl() {
            @Override
            public List<CaptureView> views() {
                return List.of(new CaptureView("a", "in", "arp", 96, null, "2026-11-30T03:05:00Z", 7, 1));
            }

            @Override
            public Stream begin(final String spec) {
                done.add("capture " + spec);
                return out -> out.write(1);
            }
        };
    }

    @Override
    public ConfigControl config() {
        return new Configuration();
    }

    private final class Configuration implements ConfigControl {
        @Override
        public ConfigView view() {
            return new ConfigView(1, List.of(), "busy", new ConfigView.Api(null, null, null, "0660"),
                new ConfigView.Fdb(16, "1s"), new ConfigView.Recorder(64), new ConfigView.Latency(0),
                "/run/state", List.of(), List.of());
        }

        @Override
        public Map<String, KeyChange> change(final String spec) {
            done.add("configure " + spec);
            return Map.of("poll", new KeyChange("busy", "adaptive", "now"));
        }

        @Override
        public ReloadView reload(final ReloadOptions options) {
            done.add("reload " + options.dryRun() + ' ' + options.prune() + ' ' + options.recreate());
            return new ReloadView(!options.dryRun(), Map.of(), List.of("b"), List.of(), Map.of(), Map.of(),
                List.of("a"), List.of(), new MirrorChanges(List.of("m1"), List.of(), List.of(), List.of(), List.of()));
        }

        @Override
        public void persist() {
            done.add("persist");
        }
    }

    @Override
    public UpgradeControl upgrades() {
        return new Upgrades();
    }

    private static final class Traces implements TraceControl {
        @Override
        public List<MessageView> messages(final String port) {
            return List.of(new MessageView("2026-11-30T12:00:00.123456Z", "request", "SET_FEATURES", 8, 0,
                Map.of("features", "version_1"), "refused", "not offered", 12.5, 1));
        }

        @Override
        public List<FrameView> frames(final String port) {
            return List.of(new FrameView("2026-11-30T12:00:00.123456789Z", "in", "dropped", "no-receiver", null, 60, 3,
                "ffffffffffff", "no Ethernet header"));
        }
    }

    /** Returns a feed of two events, after which there are none. */
    @Override
    public EventControl events() {
        return new Events();
    }

    @Override
    public LogControl log() {
        return new Log();
    }

    @Override
    public MonitoringControl monitoring() {
        return new MonitoringControl() {
            @Override
            public Metrics metrics() {
                return new Metrics("text/plain; version=0.0.4", "up 1\n");
            }

            @Override
            public String failure() {
                return null;
            }

            @Override
            public String unreadiness() {
                return problem;
            }
        };
    }

    private final class Ports implements PortControl {
        @Override
        public List<PortView> views() {
            return List.of(PORT);
        }

        @Override
        public Map<String, KeyChange> change(final String name, final String spec) {
            done.add("change " + name + ' ' + spec);
            return Map.of("mtu", new KeyChange(1500, 9000, "now"));
        }

        @Override
        public PortDetailView view(final String name) {
            return new PortDetailView(PORT, new PortDetailView.FrontEnd("process 17", null, List.of("mq"), 4),
                List.of(new PortDetailView.Region("0x0", 1 << 20)), List.of(),
                List.of(new PortDetailView.Drop("no-buffer", 3, "the receiver provides no buffer")));
        }

        @Override
        public List<CheckView> diagnose(final String name) {
            return List.of(new CheckView("socket", "ok", "there"), new CheckView("front-end", "problem", "absent"));
        }

        @Override
        public List<QueueView> queues() {
            throw new IllegalStateException("broken");
        }

        @Override
        public PortView add(final String spec) {
            if (spec.isEmpty()) {
                throw new ConfigException("port add: nothing");
            }
            done.add("add " + spec);
            return PORT;
        }

        @Override
        public void remove(final String name) {
            if ("none".equals(name)) {
                throw new ApiException(404, "no port is named \"none\"");
            }
            done.add("remove " + name);
        }

        @Override
        public void suspend(final String name) {
            done.add("suspend " + name);
        }

        @Override
        public void resetCounters(final String name) {
            done.add("reset-counters " + name);
        }

        @Override
        public void resume(final String name) {
            done.add("resume " + name);
        }
    }

    private final class Mirrors implements MirrorControl {
        private static final MirrorView MIRROR =
            new MirrorView("m1", "vlan:10", null, "a", 7, 448, Map.of("no-buffer", 2L));

        @Override
        public List<MirrorView> views() {
            return List.of(MIRROR, new MirrorView("m2", "b", "in", "a", 1_234_567, 64, Map.of()));
        }

        @Override
        public MirrorView view(final String name) {
            return MIRROR;
        }

        @Override
        public MirrorView add(final String spec) {
            done.add("mirror " + spec);
            return MIRROR;
        }

        @Override
        public void remove(final String name) {
            done.add("unmirror " + name);
        }
    }

    private final class Fdb implements FdbControl {
        @Override
        public List<StationView> stations() {
            return stations;
        }

        @Override
        public StationView add(final String spec) {
            done.add("add " + spec);
            return stations.getFirst();
        }

        @Override
        public void remove(final String spec) {
            done.add("remove " + spec);
        }

        @Override
        public int flush(final String port, final boolean statics) {
            done.add("flush " + port + " " + statics);
            return 3;
        }
    }

    private static final class Events implements EventControl {
        @Override
        public Feed follow() {
            return followAfter(0);
        }

        @Override
        public Feed followAfter(final long id) {
            return new Feed() {
                private long last = id;

                @Override
                public long last() {
                    return last;
                }

                @Override
                public EventView next(final Duration limit) throws InterruptedException {
                    if (last >= 2) {
                        Thread.sleep(limit);
                        return null;
                    }
                    last++;
                    return new EventView(last, "2026-11-30T12:00:00Z", "running", "vm" + last, "running", Map.of());
                }
            };
        }
    }

    private final class Log implements LogControl {
        @Override
        public LogLevelsView levels() {
            return new LogLevelsView("info", Map.of("a", "debug"));
        }

        @Override
        public LogLevelsView change(final String change) {
            done.add("log " + change);
            return levels();
        }
    }

    private final class Upgrades implements UpgradeControl {
        @Override
        public UpgradeView run(final String program, final Duration limit) {
            return upgrade(program, limit);
        }

        @Override
        public void answered() {
            synchronized (FakeSwitch.this) {
                done.add("upgraded");
                FakeSwitch.this.notifyAll();
            }
        }
    }

    UpgradeView upgrade(final String program, final Duration limit) {
        if ("/none".equals(program)) {
            throw new ApiException(500, "not upgraded");
        }
        if ("/failing".equals(program)) {
            throw new SwitchLostException(500, "taken over, and failed");
        }
        done.add("upgrade " + program + " " + limit);
        return new UpgradeView(17, 3, 1.5);
    }
}
