package io.ringbridge.app;

import io.ringbridge.api.RuntimeDirectory;
import io.ringbridge.config.Offloads;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.packet.MacAddress;

import java.io.IOException;
import java.nio.file.Path;

/** Converts the configuration of a port to the options of its back-end or tap. */
final class PortOptions {
    private PortOptions() {
    }

    /** Returns the options of a vhost-user port; {@code state} is null if no state is kept. */
    static BackendOptions of(final PortConfig port, final Path state) {
        final PortConfig.Extras extras = port.extras();
        BackendOptions options = attachment(port).withSuspend(port.suspend()).withLogBaseReply(extras.logBaseReply())
            .withDiscardWhenDisabled(extras.discardWhenDisabled()).withMemory(extras.memory())
            .withFeatureMask((~Offloads.ALL | port.offloads()) & extras.featureMask()).withState(state)
            .withIommu(extras.iommu());
        if (extras.mac() != null) {
            options = options.withMac(MacAddress.parse(extras.mac()));
        }
        if (extras.inband()) {
            options = options.with(ProtocolFeature.INBAND_NOTIFICATIONS);
        }
        if (extras.crossEndian()) {
            options = options.with(ProtocolFeature.CROSS_ENDIAN);
        }
        if (extras.postcopy()) {
            options = options.with(ProtocolFeature.PAGEFAULT);
        }
        return extras.deviceState() ? options.with(ProtocolFeature.DEVICE_STATE) : options;
    }

    /** Returns the options of a tap port. */
    static TapOptions of(final PortConfig port, final Attachment.Tap tap) {
        return new TapOptions(tap.device(), port.mtu(), tap.persist(), tap.master(), tap.up());
    }

    private static BackendOptions attachment(final PortConfig port) {
        return switch (port.attachment()) {
            case Attachment.Server server -> BackendOptions.server(place(server.socket()))
                .withPermissions(server.permissions());
            case Attachment.Client client -> BackendOptions.client(client.socket());
            case Attachment.Descriptor descriptor -> BackendOptions.descriptor(descriptor.number());
            case Attachment.Tap _, Attachment.Pcap _ ->
                throw new IllegalArgumentException("port " + port.name() + " is not a vhost-user port");
        };
    }

    /** Returns the path of a socket, and creates its directory if that is below {@code /run}. */
    private static Path place(final Path socket) {
        try {
            RuntimeDirectory.makeFor(socket);
        } catch (final IOException e) {
            throw new SwitchException("cannot create the directory of socket " + socket + ": " + e.getMessage(), e);
        }
        return socket;
    }
}
