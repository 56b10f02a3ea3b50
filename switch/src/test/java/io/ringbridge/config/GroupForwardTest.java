package io.ringbridge.config;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Tests the reserved groups that a port relays, in the file and on the command line, on ports of every type. */
class GroupForwardTest {
    private static final String NEEDED =
        "all, or a list of stp, lacp, 802.1x, lldp and last octets of 01:80:c2:00:00:00 to 0f, such as 0d";

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "[lldp]                         | 4000 | lldp",
        "lldp                           | 4000 | lldp",
        "[lldp, 802.1x]                 | 4008 | 802.1x,lldp",
        "[LLDP, 802.1X, 0d, 0x04, '0F'] | e018 | 802.1x,04,0d,lldp,0f",
        "[stp, lacp]                    | 0005 | stp,lacp",
        "[00, 02, 03, 0e]               | 400d | stp,lacp,802.1x,lldp",
        "lldp+08                        | 4100 | 08,lldp",
        "all                            | fffd | stp,lacp,802.1x,04,05,06,07,08,09,0a,0b,0c,0d,lldp,0f",
        "                               | 0000 | ''",
        "[]                             | 0000 | ''"})
    void everyFormIsRead(final String value, final String mask, final String names) {
        for (final String type : List.of("socket: /tmp/a", "type: tap, device: tap0", "type: pcap, interface: eth0")) {
            final PortConfig port = ConfigReader.parse("f", "ports: [{name: a, " + type + ", group-forward: "
                + (value == null ? "" : value) + "}]").ports().getFirst();
            assertEquals(Integer.parseInt(mask, 16), port.groupForward());
            assertEquals(names, String.join(",", GroupForward.names(port.groupForward())));
        }
    }

    @Test
    void theCommandLineAcceptsIt() {
        assertEquals(0x4008, onCommandLine("name=a,socket=/tmp/a,group-forward=lldp+802.1x"));
        assertEquals(0x4001, onCommandLine("name=a,type=tap,device=tap0,group-forward=lldp,,stp"));
        assertEquals(0, onCommandLine("name=a,type=pcap,write=a.pcap"));
    }

    private static int onCommandLine(final String spec) {
        return ConfigReader.parsePort("--port", spec).groupForward();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "[lldp, cdp]  | \"cdp\" is not ",
        "[0e, 10]     | \"10\" is not ",
        "0x4008       | \"0x4008\" is not ",
        "16392        | \"16392\" is not ",
        "[[lldp]]     | a list is not ",
        "[01]         | \"01\" is MAC control (PAUSE), which is never relayed; allowed: ",
        "[lldp, 0x01] | \"0x01\" is MAC control (PAUSE), which is never relayed; allowed: ",
        "''           | \"\" is not "})
    void otherGroupsAreRefused(final String value, final String what) {
        final String keys = "name: a, socket: /tmp/a, group-forward: " + (value.isEmpty() ? "''" : value);
        final ConfigException refused =
            assertThrows(ConfigException.class, () -> ConfigReader.parse("f", "ports: [{" + keys + "}]"));
        assertEquals("f: line 1: ports[0].group-forward: " + what + " " + NEEDED, refused.getMessage());
    }
}
