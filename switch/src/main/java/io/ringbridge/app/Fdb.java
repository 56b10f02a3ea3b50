package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.FdbControl;
import io.ringbridge.api.StationView;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.StationConfig;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.Stations;
import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.stream.Collectors;

/** Displays and changes the forwarding table of a switch. Any thread may call. */
final class Fdb implements FdbControl {
    private static final String ADD = "fdb add";
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;

    private final Ports ports;
    private final Datapath datapath;

    Fdb(final Ports ports, final Datapath datapath) {
        this.ports = ports;
        this.datapath = datapath;
    }

    @Override
    public List<StationView> stations() {
        return Views.stations(datapath.stations(), datapath.ports());
    }

    @Override
    public StationView add(final String spec) {
        final StationConfig station = ConfigReader.parseStation(ADD, spec);
        final String name = station.port()
            .orElseThrow(() -> new ConfigException(ADD + ": port: missing; expected the name of a port",
                new ConfigException.Fault("port", null, "the name of a port")));
        return ports.ifServing(() -> add(station, ports.named(name).port()));
    }

    private StationView add(final StationConfig station, final Port port) {
        if (port.isReserved()) {
            throw new ApiException(CONFLICT, "port " + port.name() + " is the destination of a mirror, and has no "
                + "stations meanwhile");
        }
        final int vlan = vlan(station, port);
        final long key = ForwardingTable.key(station.address(), vlan);
        final long[] present = datapath.table().statics(port.index());
        if (present.length >= Stations.MAX_STATICS && !contains(present, key)) {
            throw new ApiException(CONFLICT, "port " + port.name() + " already has " + present.length
                + " static stations, the maximum");
        }
        if (!datapath.table().addStatic(key, port.index())) {
            throw new ApiException(CONFLICT,
                "the forwarding table has no room for this static station; remove others or increase fdb.capacity");
        }
        return new StationView(MacAddress.format(station.address()), vlan, port.name(), true, 0);
    }

    private static boolean contains(final long[] keys, final long key) {
        for (final long each : keys) {
            if (each == key) {
                return true;
            }
        }
        return false;
    }

    private static int vlan(final StationConfig station, final Port port) {
        final String in = port.vlan() == null ? "none; omit vlan" : port.vlan().toString();
        final int untagged = port.vlan() == null ? 0 : port.vlan().untagged();
        final int vlan = station.vlan().orElse(untagged);
        if (!port.carries(vlan)) {
            throw new ConfigException(ADD + ": vlan: "
                + (station.vlan().isPresent() ? "port " + port.name() + " is not in " + vlan : "missing")
                + "; the VLANs of port " + port.name() + " are: " + in,
                new ConfigException.Fault("vlan", station.vlan().map(String::valueOf).orElse(null), in));
        }
        return vlan;
    }

    @Override
    public void remove(final String spec) {
        final StationConfig station = ConfigReader.parseStation("fdb remove", spec);
        ports.ifServing(() -> datapath.table().remove(ForwardingTable.key(station.address(), knownIn(station))));
    }

    /** Returns the VLAN of a known station. */
    private int knownIn(final StationConfig station) {
        final String mac = MacAddress.format(station.address());
        final List<Integer> vlans = datapath.stations().stream().filter(entry -> entry.mac().equals(mac))
            .map(ForwardingTable.Entry::vlan).distinct().sorted().toList();
        if (vlans.isEmpty() || station.vlan().isPresent() && !vlans.contains(station.vlan().get())) {
            throw new ApiException(NOT_FOUND, "station " + mac + " is unknown" + (vlans.isEmpty() ? "" : " in VLAN "
                + station.vlan().get() + "; it is known in " + text(vlans)));
        }
        if (station.vlan().isEmpty() && vlans.size() > 1) {
            throw new ApiException(CONFLICT,
                "station " + mac + " is known in several VLANs: " + text(vlans) + "; specify one");
        }
        return station.vlan().orElse(vlans.getFirst());
    }

    private static String text(final List<Integer> vlans) {
        return vlans.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    @Override
    public int flush(final @Nullable String port, final boolean statics) {
        return ports.ifServing(() -> (port == null ? datapath.ports() : List.of(ports.named(port).port())).stream()
            .mapToInt(each -> datapath.table().flush(each.index(), statics)).sum());
    }
}
