package io.ringbridge.api;

import io.ringbridge.config.ConfigException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A switch that returns fixed views and records its commands. */
class FakeSwitch implements SwitchControl {
    final List<String> done = new ArrayList<>();
    List<StationView> stations = List.of(new StationView("52:54:00:00:00:01", 0, "a", true, 0));

    @Override
    public List<PortView> ports() {
        return List.of(new PortView("a", "vhost-user", "/tmp/a.sock", null, null, null, "server", "running", null, null,
            null, 1, 1500, 10, List.of("20", "30-39"), List.of("version_1"), 1, 64, 2, 128, Map.of("no-buffer", 3L)));
    }

    @Override
    public List<QueueView> queues() {
        throw new IllegalStateException("broken");
    }

    @Override
    public FdbControl fdb() {
        return new FdbControl() {
            @Override
            public List<StationView> stations() {
                return stations;
            }

            @Override
            public void add(final String spec) {
                done.add("add " + spec);
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
        };
    }

    @Override
    public Map<String, KeyChange> changePort(final String name, final String spec) {
        done.add("change " + name + " " + spec);
        return Map.of("mtu", new KeyChange(1500, 9000, "now"));
    }

    @Override
    public ReloadView reload(final ReloadOptions options) {
        done.add("reload " + options);
        return new ReloadView(!options.dryRun(), Map.of(), List.of("b"), List.of(), Map.of(), Map.of(), List.of("a"),
            List.of());
    }

    @Override
    public List<WorkerView> workers() {
        return List.of(new WorkerView(0, -1, 2, 0.5, 10, 52.5, 3.5, 1000, 0));
    }

    @Override
    public ConfigView config() {
        return new ConfigView(1, List.of(), "busy", new ConfigView.Api(null), new ConfigView.Fdb(16, "1s"),
            "/run/state", List.of());
    }

    @Override
    public UpgradeView upgrade(final String program, final Duration limit) {
        if ("/none".equals(program)) {
            throw new ApiException(500, "not upgraded");
        }
        if ("/failing".equals(program)) {
            throw new SwitchLostException(500, "taken over, and failed");
        }
        done.add("upgrade " + program + " " + limit);
        return new UpgradeView(17, 3, 1.5);
    }

    @Override
    public synchronized void upgraded() {
        done.add("upgraded");
        notifyAll();
    }

    @Override
    public void addPort(final String spec) {
        if (spec.isEmpty()) {
            throw new ConfigException("port add: nothing");
        }
        done.add("add " + spec);
    }

    @Override
    public void removePort(final String name) {
        if ("none".equals(name)) {
            throw new ApiException(404, "no port is named \"none\"");
        }
        done.add("remove " + name);
    }

    @Override
    public void suspendPort(final String name) {
        done.add("suspend " + name);
    }

    @Override
    public void resumePort(final String name) {
        done.add("resume " + name);
    }
}
