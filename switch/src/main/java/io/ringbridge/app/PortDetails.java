package io.ringbridge.app;

import io.ringbridge.api.PortDetailView;
import io.ringbridge.api.PortView;
import io.ringbridge.app.diagnosis.DropMeaning;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/** Creates the view of everything about one port. */
final class PortDetails {
    private PortDetails() {
    }

    static PortDetailView of(final Attached attached, final PortView view, final CounterBase base) {
        final Port port = attached.port();
        return new PortDetailView(view, frontEnd(attached), memory(port), rings(port, base), drops(port));
    }

    private static PortDetailView.@Nullable FrontEnd frontEnd(final Attached attached) {
        if (!(attached.link() instanceof final Backend backend)
            || !(attached.port() instanceof final GuestPort guest)) {
            return null;
        }
        final String peer = backend.peer();
        return peer == null ? null : new PortDetailView.FrontEnd(peer,
            guest.activity().attachedMillis() == 0 ? null : Views.time(guest.activity().attachedMillis()),
            ProtocolFeature.names(backend.protocolFeatures()), guest.activity().kicks());
    }

    private static List<PortDetailView.Region> memory(final Port port) {
        return port instanceof final GuestPort guest ? guest.memory().regions().stream()
            .map(region -> new PortDetailView.Region("0x" + Long.toHexString(region.guestAddress()), region.size()))
            .toList() : List.of();
    }

    private static List<PortDetailView.Ring> rings(final Port port, final CounterBase base) {
        final Map<Integer, Integer> positions = port instanceof final GuestPort guest ? guest.positions() : Map.of();
        return Views.queues(port, base)
            .map(queue -> new PortDetailView.Ring(queue, index(positions.get(queue.index()), queue.layout()))).toList();
    }

    /** Returns the index to take next. A packed ring's base has its wrap counters as well. */
    private static @Nullable Integer index(final @Nullable Integer base, final String layout) {
        return base == null ? null : "packed".equals(layout) ? base & 0x7FFF : base;
    }

    private static List<PortDetailView.Drop> drops(final Port port) {
        return port.statistics().drops().entrySet().stream().map(PortDetails::drop).toList();
    }

    private static PortDetailView.Drop drop(final Map.Entry<DropReason, Long> drop) {
        return new PortDetailView.Drop(drop.getKey().label(), drop.getValue(), DropMeaning.of(drop.getKey()));
    }
}
