package io.ringbridge.cli.attach;

import java.util.ArrayList;
import java.util.List;

/** Fragments of libvirt's domain XML. */
final class Libvirt {
    private Libvirt() {
    }

    static List<String> fragments(final Target port) {
        final List<String> lines = new ArrayList<>(List.of(
            "<!-- in <domain> -->",
            "<memoryBacking>",
            "  <source type='memfd'/>",
            "  <access mode='shared'/>",
            "</memoryBacking>",
            "<!-- in <devices> -->"));
        if (port.iommu()) {
            lines.addAll(List.of(
                "<iommu model='intel'>",
                "  <driver iotlb='on'/>",
                "</iommu>"));
        }
        lines.add("<interface type='vhostuser'>");
        lines.add("  <mac address='" + port.address() + "'/>");
        lines.addAll(source(port));
        lines.add("  <model type='virtio'/>");
        lines.add("  <driver queues='" + port.queues() + '\'' + (port.iommu() ? " iommu='on' ats='on'" : "") + "/>");
        lines.add("  <mtu size='" + port.mtu() + "'/>");
        lines.add("</interface>");
        return lines;
    }

    /** Returns the socket. The mode is that of the machine's side. */
    private static List<String> source(final Target port) {
        final String start = "  <source type='unix' path='" + escaped(port.socket().toString()) + "' mode='";
        return port.connects()
            ? List.of(start + "client'>", "    <reconnect enabled='yes' timeout='1'/>", "  </source>")
            : List.of(start + "server'/>");
    }

    private static String escaped(final String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;");
    }
}
