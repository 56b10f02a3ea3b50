package io.ringbridge.config;

import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the table of a port's keys: {@code docs/configuration.md} agrees with it, and what is shown can be read. */
class PortKeyTest {
    private static final Path DOCUMENT =
        Path.of(System.getProperty("ringbridge.root"), "docs/configuration.md");

    private static final Map<PortKind, String> HEADINGS = Map.of(PortKind.VHOST_USER, "### Ports for guests",
        PortKind.TAP, "### Taps", PortKind.PCAP, "### Interfaces and captures",
        PortKind.BACKEND, "### Other back-ends");

    /** The cells of a row of the document, without Markdown's backticks. */
    private record Row(String key, String allowed, String otherwise, String meaning) {
    }

    /** Returns the rows of the table below a heading, by their keys. */
    private static Map<String, Row> rows(final String heading) throws IOException {
        final String text = Files.readString(DOCUMENT);
        final int from = text.indexOf("\n" + heading + "\n");
        assertTrue(from >= 0, heading);
        final int next = text.indexOf("\n##", from + heading.length());
        final Map<String, Row> rows = new LinkedHashMap<>();
        for (final String line : text.substring(from, next).lines().filter(row -> row.startsWith("| `")).toList()) {
            final String[] cells = line.replace("`", "").split(" *\\| *", -1);
            assertEquals(6, cells.length, line);
            final Row row = new Row(cells[1], cells[2], cells[3], cells[4]);
            assertEquals(Optional.empty(), Optional.ofNullable(rows.put(row.key(), row)), line);
        }
        return rows;
    }

    @ParameterizedTest
    @EnumSource
    void theDocumentHasEveryKeyWithItsValuesAndItsDefault(final PortKind kind) throws IOException {
        final Map<String, Row> common = rows("## Ports");
        final Map<String, Row> own = rows(HEADINGS.get(kind));
        final List<String> documented = new ArrayList<>(own.keySet());
        documented.addAll(common.keySet());
        assertEquals(PortKey.words(kind).stream().sorted().toList(), documented.stream().sorted().toList());
        for (final PortKey key : PortKey.of(kind)) {
            final Row row = (key.isCommon() ? common : own).get(key.word());
            // The messages quote single characters; the document marks them as code.
            assertEquals(key.allowed().replace("'", ""), row.allowed(), key.word());
            assertEquals(key.otherwise(), row.otherwise(), key.word());
            assertFalse(row.meaning().isEmpty(), key.word());
        }
    }

    @Test
    void theDocumentNamesEveryFeatureThatCanBePinned() throws IOException {
        final String text = Files.readString(DOCUMENT);
        final BackendOptions all = BackendOptions.server(Path.of("x")).withMac(2).withIommu(true);
        final BackendOptions draft = all.withSuspend(new SuspendOptions(true, Features.SUSPEND_DRAFT));
        for (final String name : VirtioFeatures.names(Offer.virtio(2, all) | Offer.virtio(2, draft))) {
            assertTrue(text.contains("`" + name + "`"), name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "name=a,socket=s",
        "name=a,socket=s,description=web: \"front\" # 1,owner=1000,group=kvm",
        "name=a,socket=s,mode=client,queues=1,mtu=1500,disabled=discard,group-forward=lldp",
        "name=a,socket=s,permissions=0600,suspend-messages=false,suspend-feature-bit=42,offloads=false,"
            + "mac=52:54:00:00:00:01,inband=true,device-state=true,postcopy=true,iommu=true,cross-endian=true,"
            + "memory=any,log-base-reply=8,disabled=hold,features=version_1+mac,vlan=10,trunk=20+30-39",
        "name=a,type=tap,device=tap0",
        "name=a,type=tap,device=tap0,queues=2,mtu=9000,persist=true,master=br0,up=false,vlan=10",
        "name=a,type=pcap,interface=eth0",
        "name=a,type=pcap,interface=eth0,direction=both,ring-size=65536,snaplen=96",
        "name=a,type=pcap,read=a.pcap,speed=full,write=b.pcap,trunk=all",
        "name=a,type=backend,socket=s",
        "name=a,type=backend,socket=s,queues=2,mtu=9000,offloads=csum,,guest_csum,features=version_1+mrg_rxbuf,"
            + "vlan=10"})
    void whatIsShownIsReadAsTheSamePort(final String spec) {
        final PortConfig port = ConfigReader.parsePort("--port", spec);
        final Map<String, Node> values = new LinkedHashMap<>();
        port.shown().forEach((key, value) -> values.put(key, node(value)));
        assertEquals(port, PortReader.read(PortReader.section("shown", "", new Node.Mapping(0, values, Map.of()))));
    }

    private static Node node(final Object value) {
        return value instanceof final List<?> list ? new Node.Sequence(0, list.stream().map(PortKeyTest::node).toList())
            : new Node.Scalar(0, value.toString(), Node.Kind.UNTYPED);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "name=a,socket=s | name,type,socket,mode,queues,mtu,permissions",
        "name=a,socket=s,mode=client,offloads=true,inband=false,disabled=discard | name,type,socket,mode,queues,mtu",
        "name=a,socket=s,mode=client,disabled=hold,vlan=2 | name,type,socket,mode,queues,mtu,disabled,vlan",
        "name=a,type=tap,device=tap0 | name,type,device,queues,persist,up",
        "name=a,type=backend,socket=s,offloads=true | name,type,socket,queues,mtu",
        "name=a,type=pcap,interface=eth0 | name,type,interface,direction,ring-size",
        "name=a,type=pcap,read=a.pcap,speed=recorded | name,type,read",
        "name=a,type=pcap,write=a.pcap,snaplen=96 | name,type,write,snaplen"})
    void keysThatDoNotApplyOrHaveTheirDefaultAreNotShown(final String spec, final String keys) {
        assertEquals(List.of(keys.split(",")), List.copyOf(ConfigReader.parsePort("--port", spec).shown().keySet()));
    }

    @Test
    void anInheritedSocketIsShownByItsNumber() {
        final GuestPortConfig port = GuestPortConfig.inherited("net", 3);
        assertEquals(Map.of("name", "net", "type", "vhost-user", "socket", "fd:3", "mode", "descriptor", "queues", 128,
            "mtu", 65535), port.shown());
        assertEquals(BackendOptions.descriptor(3), port.backend());
        assertEquals(List.of(), port.places());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "name=a,socket=s | name=a,socket=s,mtu=9000,mac=52:54:00:00:00:01,offloads=false,vlan=10 | true",
        "name=a,socket=s | name=a,socket=s,mode=server,permissions=0660,queues=1 | true",
        "name=a,socket=s | name=a,socket=s,permissions=0600 | false",
        "name=a,socket=s | name=a,socket=s,mode=client | false",
        "name=a,socket=s | name=a,socket=t | false",
        "name=a,socket=s | name=a,socket=s,queues=2,description=web | true",
        "name=a,socket=s | name=a,socket=s,owner=qemu | false",
        "name=a,socket=s | name=a,socket=s,group=kvm | false",
        "name=a,type=tap,device=t | name=a,type=tap,device=t,queues=2 | false",
        "name=a,socket=s | name=a,type=tap,device=s | false",
        "name=a,type=tap,device=t | name=a,type=tap,device=t,mtu=9000,trunk=all | true",
        "name=a,type=tap,device=t | name=a,type=tap,device=t,up=false | false",
        "name=a,type=tap,device=t | name=a,type=tap,device=t,master=br0 | false",
        "name=a,type=pcap,interface=e | name=a,type=pcap,interface=e,vlan=3 | true",
        "name=a,type=pcap,interface=e | name=a,type=pcap,interface=e,snaplen=96 | false",
        "name=a,type=pcap,read=r | name=a,type=pcap,read=r,speed=full | false"})
    void anUpgradeKeepsWhatAFrontEndNotices(final String old, final String now, final boolean fits) {
        assertEquals(fits, ConfigReader.parsePort("now", now).fits(ConfigReader.parsePort("old", old)));
    }

    @Test
    void everyKeyHasHelp() {
        Stream.of(PortKey.values()).forEach(key -> {
            assertFalse(key.help().isBlank(), key.name());
            assertFalse(key.syntax().isBlank(), key.name());
        });
    }
}
