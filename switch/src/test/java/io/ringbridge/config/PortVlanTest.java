package io.ringbridge.config;

import io.ringbridge.datapath.port.PortVlan;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Tests the VLANs of a port, in the file and on the command line, on ports of every type. */
class PortVlanTest {
    private static final String NEEDED = " is not all, or a list of VLANs from 1 to 4094, such as 10,20-29";
    private static final List<String> TYPES = List.of("socket: /tmp/a", "type: tap, device: tap0",
        "type: pcap, interface: eth0", "type: pcap, read: a.pcap");

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "vlan: 10                               | 10",
        "vlan: 1                                | 1",
        "vlan: 4094                             | 4094",
        "trunk: 20                              | trunk 20",
        "trunk: [20, 30-39]                     | trunk 20,30-39",
        "trunk: '20,30-39, 7'                   | trunk 7,20,30-39",
        "trunk: 20+30-39                        | trunk 20,30-39",
        "trunk: ['20,21', 22]                   | trunk 20-22",
        "trunk: all                             | trunk 1-4094",
        "{trunk: 1-4094, vlan: 10}              | trunk 1-4094 native 10",
        "{vlan: 10, trunk: [20, 10]}            | trunk 10,20 native 10",
        "{vlan: 10, trunk: [20, 20, 15-25]}     | trunk 15-25 native 10"})
    void everyFormIsRead(final String keys, final String expected) {
        final String inside = keys.startsWith("{") ? keys.substring(1, keys.length() - 1) : keys;
        for (final String type : TYPES) {
            final PortVlan vlan = ConfigReader.parse("f", "ports: [{name: a, " + type + ", " + inside + "}]").ports()
                .getFirst().vlan();
            assertEquals(expected, vlan.toString());
        }
    }

    @Test
    void aPortWithoutTheKeysIsInNoVlan() {
        for (final String type : TYPES) {
            assertNull(ConfigReader.parse("f", "ports: [{name: a, " + type + "}]").ports().getFirst().vlan());
            assertNull(ConfigReader.parse("f", "ports: [{name: a, " + type + ", vlan: , trunk: }]").ports().getFirst()
                .vlan());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "vlan=10                 | 10",
        "trunk=20+30-39          | trunk 20,30-39",
        "trunk=20,,30-39,vlan=10 | trunk 20,30-39 native 10",
        "trunk=all               | trunk 1-4094"})
    void theCommandLineAcceptsThem(final String keys, final String expected) {
        for (final String type : List.of("socket=/tmp/a", "type=tap,device=tap0", "type=pcap,write=a.pcap")) {
            assertEquals(expected, ConfigReader.parsePort("--port", "name=a," + type + ',' + keys).vlan().toString());
        }
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
            Arguments.of("vlan: 0", "vlan: 0 is out of range; 1 to 4094 is allowed"),
            Arguments.of("vlan: 4095", "vlan: 4095 is out of range; 1 to 4094 is allowed"),
            Arguments.of("vlan: ten", "vlan: \"ten\" is not a whole number from 1 to 4094"),
            Arguments.of("vlan: [10]", "vlan: a list is not a whole number from 1 to 4094"),
            Arguments.of("trunk: []", "trunk: an empty list" + NEEDED),
            Arguments.of("trunk: 0", "trunk: 0" + NEEDED),
            Arguments.of("trunk: 1-4095", "trunk: \"1-4095\"" + NEEDED),
            Arguments.of("trunk: 30-20", "trunk: \"30-20\"" + NEEDED),
            Arguments.of("trunk: [20, every]", "trunk: \"every\"" + NEEDED),
            Arguments.of("trunk: [20, all]", "trunk: \"all\"" + NEEDED),
            Arguments.of("trunk: [20, [30]]", "trunk: a list" + NEEDED),
            Arguments.of("trunk: '20,'", "trunk: \"20,\"" + NEEDED),
            Arguments.of("trunk: 99999", "trunk: 99999" + NEEDED),
            Arguments.of("trunk: {from: 1}", "trunk: a mapping" + NEEDED),
            Arguments.of("native: 10",
                "native: unknown key; allowed: name, type, description, socket, mode, queues, mtu, permissions, owner, "
                + "group, suspend-messages, suspend-feature-bit, offloads, mac, inband, device-state, postcopy, iommu, "
                + "cross-endian, memory, log-base-reply, disabled, features, vlan, trunk, group-forward"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void errorsAreOneLine(final String keys, final String message) {
        final String text = "ports:\n  - name: a\n    socket: /tmp/a\n    " + keys + "\n";
        assertEquals("f.yaml: line 4: ports[0]." + message,
            assertThrows(ConfigException.class, () -> ConfigReader.parse("f.yaml", text)).getMessage());
    }
}
