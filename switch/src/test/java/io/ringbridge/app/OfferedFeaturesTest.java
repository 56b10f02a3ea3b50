package io.ringbridge.app;

import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.file.Path;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests that a port offers the features in its configuration. */
@Timeout(20)
class OfferedFeaturesTest {
    private static final long OFFLOADS = Features.of(Features.CSUM, Features.GUEST_CSUM, Features.GUEST_TSO4,
        Features.GUEST_TSO6,
        Features.GUEST_ECN, Features.GUEST_UFO, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN,
        Features.HOST_UFO);
    private static final long ASKED = OFFLOADS | Features.of(Features.VERSION_1, Features.MAC, Features.ACCESS_PLATFORM,
        Features.RING_PACKED, Features.MQ, Features.GUEST_ANNOUNCE);
    private static final long ALWAYS = Features.of(Features.VERSION_1, Features.RING_PACKED);

    @TempDir
    private Path dir;

    static Stream<Arguments> options() {
        return Stream.of(
            Arguments.of("", ALWAYS | OFFLOADS),
            Arguments.of(", offloads: false", ALWAYS),
            Arguments.of(", offloads: [csum, host_tso4]", ALWAYS | Features.of(Features.CSUM, Features.HOST_TSO4)),
            Arguments.of(", offloads: false, queues: 2", ALWAYS | Features.of(Features.MQ, Features.GUEST_ANNOUNCE)),
            Arguments.of(", offloads: false, iommu: true", ALWAYS | Features.of(Features.ACCESS_PLATFORM)),
            Arguments.of(", offloads: false, mac: 52:54:00:00:00:01", ALWAYS | Features.of(Features.MAC)),
            Arguments.of(", features: [version_1, csum]", Features.of(Features.VERSION_1, Features.CSUM)));
    }

    @ParameterizedTest
    @MethodSource("options")
    void configuredFeaturesAreOffered(final String option, final long offered) throws Exception {
        final Path socket = dir.resolve("a");
        try (Switch running =
                 Switch.start(ConfigReader.parse("test", "ports: [{name: a, socket: " + socket + option + "}]"))) {
            running.openPorts();
            try (Frontend frontend = Frontend.connect(socket)) {
                assertEquals(VirtioFeatures.names(offered), VirtioFeatures.names(frontend.negotiate(ASKED) & ASKED));
            }
        }
    }
}
