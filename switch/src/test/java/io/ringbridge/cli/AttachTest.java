package io.ringbridge.cli;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathFactory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class AttachTest {
    private static final String LOCAL_MAC = "02(:[0-9a-f]{2}){5}";

    @TempDir
    private Path dir;
    private Path config;

    @BeforeEach
    void writeConfiguration() throws IOException {
        config = Files.writeString(dir.resolve("f.yaml"), """
            ports:
              - {name: one, socket: /run/one.sock}
              - {name: many, socket: '/run/a,b.sock', mode: client, queues: 4, mtu: 9000, mac: 52:54:00:00:00:07}
              - {name: dialled, socket: /run/dialled.sock, mode: client, queues: 2, mac: 52:54:00:00:00:08}
              - {name: odd, socket: "/run/<a>&'b'.sock", queues: 2, mtu: 2000, iommu: true, mac: 52:54:00:00:00:09}
              - {name: up, type: tap, device: tap0}
            """);
    }

    private Run run(final String... args) {
        final List<String> all = new ArrayList<>(List.of("attach"));
        all.addAll(List.of(args));
        all.addAll(List.of("--config", config.toString()));
        return Run.of(all.toArray(String[]::new));
    }

    private String attach(final String... args) {
        final Run run = run(args);
        assertEquals("", run.err());
        assertEquals(0, run.status());
        return run.out();
    }

    private void assertRefused(final String message, final String... args) {
        final Run run = run(args);
        assertEquals("ringbridge: " + message + "\n", run.err());
        assertEquals("", run.out());
        assertEquals(2, run.status());
    }

    @Test
    void qemuOptionsMatchThePort() {
        assertTrue(attach("one", "--qemu-version", "7.2.22", "--accel", "kvm").matches("""
            -object memory-backend-memfd,id=mem-ringbridge,size=1G,share=on
            -numa node,memdev=mem-ringbridge
            -chardev socket,id=chr-one,path=/run/one.sock,reconnect=1
            -netdev vhost-user,id=net-one,chardev=chr-one,queues=1
            -device virtio-net-pci,netdev=net-one,mac=%s,host_mtu=1500
            """.formatted(LOCAL_MAC)));
        assertEquals("""
            -object memory-backend-memfd,id=mem-ringbridge,size=2G,share=on
            -numa node,memdev=mem-ringbridge
            -chardev socket,id=chr-many,path=/run/a,,b.sock,server=on,wait=off
            -netdev vhost-user,id=net-many,chardev=chr-many,queues=4
            -device virtio-net-pci,netdev=net-many,mac=52:54:00:00:00:07,mq=on,vectors=10,host_mtu=9000
            """, attach("many", "--for", "qemu", "--memory", "2G", "--accel", "KVM"));
        assertTrue(attach("one", "--qemu-version", "10.0").contains(",reconnect-ms=1000\n"));
        assertTrue(attach("one", "--qemu-version", "7.2").contains(",vectors=0,"));
        for (final String port : List.of("one", "many")) {
            assertTrue(device(port, "7.2", "tcg").contains(",vectors=0,host_mtu="));
            assertFalse(device(port, "8.0", "tcg").contains("vectors=0"));
            assertFalse(device(port, "7.2", "kvm").contains("vectors=0"));
        }
    }

    private String device(final String port, final String version, final String accel) {
        return attach(port, "--qemu-version", version, "--accel", accel).lines()
            .filter(line -> line.startsWith("-device virtio-net-pci")).findFirst().orElseThrow();
    }

    @Test
    void theEarlierNameOfTheCommandPrintsTheSame() {
        final Run run = Run.of("qemu-args", "many", "--config", config.toString(), "--qemu-version", "8.0");
        assertEquals("", run.err());
        assertEquals(attach("many", "--qemu-version", "8.0"), run.out());
    }

    @Test
    void libvirtFragmentsMatchThePort() throws Exception {
        final Document one = domain(attach("one", "--for", "libvirt"));
        assertEquals("memfd", at(one, "/domain/memoryBacking/source/@type"));
        assertEquals("shared", at(one, "/domain/memoryBacking/access/@mode"));
        final String one0 = "/domain/interface[@type='vhostuser']";
        assertTrue(at(one, one0 + "/mac/@address").matches(LOCAL_MAC));
        assertEquals("unix", at(one, one0 + "/source/@type"));
        assertEquals("/run/one.sock", at(one, one0 + "/source/@path"));
        assertEquals("client", at(one, one0 + "/source/@mode"));
        assertEquals("yes", at(one, one0 + "/source/reconnect/@enabled"));
        assertEquals("virtio", at(one, one0 + "/model/@type"));
        assertEquals("1", at(one, one0 + "/driver/@queues"));
        assertEquals("1500", at(one, one0 + "/mtu/@size"));
        assertEquals("", at(one, one0 + "/driver/@iommu"));

        final Document many = domain(attach("many", "--for", "libvirt"));
        assertEquals("server", at(many, one0 + "/source/@mode"));
        assertEquals("", at(many, one0 + "/source/reconnect/@enabled"));
        assertEquals("/run/a,b.sock", at(many, one0 + "/source/@path"));
        assertEquals("52:54:00:00:00:07", at(many, one0 + "/mac/@address"));
        assertEquals("4 9000", at(many, one0 + "/driver/@queues") + ' ' + at(many, one0 + "/mtu/@size"));

        final Document odd = domain(attach("odd", "--for", "libvirt"));
        assertEquals("/run/<a>&'b'.sock", at(odd, one0 + "/source/@path"));
        assertEquals("on on", at(odd, one0 + "/driver/@iommu") + ' ' + at(odd, one0 + "/driver/@ats"));
        assertEquals("intel on", at(odd, "/domain/iommu/@model") + ' ' + at(odd, "/domain/iommu/driver/@iotlb"));
    }

    private static Document domain(final String fragments) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new InputSource(new StringReader("<domain>" + fragments + "</domain>")));
    }

    private static String at(final Document document, final String path) throws Exception {
        final XPath xpath = XPathFactory.newInstance().newXPath();
        final Element root = document.getDocumentElement();
        return xpath.evaluate(path, root);
    }

    @Test
    void cloudHypervisorOptionsMatchThePort() {
        assertTrue(attach("one", "--for", "cloud-hypervisor", "--memory", "2G").matches("""
            --memory size=2048M,shared=on
            --net vhost_user=true,socket=/run/one.sock,mac=%s,num_queues=2,mtu=1500
            """.formatted(LOCAL_MAC)));
        assertEquals("""
            --memory size=1024M,shared=on
            --net vhost_user=true,socket=/run/dialled.sock,vhost_mode=server,mac=52:54:00:00:00:08,num_queues=4,mtu=1500
            """, attach("dialled", "--for", "cloud-hypervisor"));
        assertRefused("port many: the path of its socket, /run/a,b.sock, has a comma, which --net cannot express",
            "many", "--for", "cloud-hypervisor");
    }

    @Test
    void crosvmOptionsMatchThePort() {
        assertEquals("""
            --mem size=512
            --vhost-user type=net,socket=/run/one.sock
            """, attach("one", "--for", "crosvm", "--memory", "512"));
        assertRefused("port dialled has mode client; crosvm connects to sockets itself, which needs mode server",
            "dialled", "--for", "crosvm");
    }

    @Test
    void virtioUserOptionsMatchThePort() {
        assertTrue(attach("one", "--for", "virtio-user").matches("""
            --single-file-segments
            --vdev=net_virtio_user0,path=/run/one.sock,mac=%s,queues=1
            """.formatted(LOCAL_MAC)));
        assertTrue(attach("dialled", "--for", "virtio-user").endsWith(
            "--vdev=net_virtio_user0,path=/run/dialled.sock,mac=52:54:00:00:00:08,queues=2,cq=1,server=1\n"));
    }

    @Test
    void whatCannotAttachIsRefused() {
        assertRefused("no port is named \"two\"; there are: one, many, dialled, odd, up", "two");
        assertRefused("port up is of type tap; machines attach to ports of type vhost-user", "up");
        assertRefused("Invalid value for option '--for': expected one of qemu, libvirt, cloud-hypervisor, crosvm, "
            + "virtio-user but was 'xen'; see ringbridge attach --help", "one", "--for", "xen");
        assertRefused("--memory 2X is not a size such as 512M or 2G; see ringbridge attach --help",
            "one", "--memory", "2X");
    }
}
