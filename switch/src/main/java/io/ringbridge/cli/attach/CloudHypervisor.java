package io.ringbridge.cli.attach;

import java.util.List;

/** Options of Cloud Hypervisor. */
final class CloudHypervisor {
    private CloudHypervisor() {
    }

    static List<String> options(final Target port, final Machine machine) {
        return List.of("--memory size=" + machine.mebibytes() + "M,shared=on",
            "--net vhost_user=true,socket=" + port.socketWithoutComma("--net")
                + (port.connects() ? "" : ",vhost_mode=server") + ",mac=" + port.address()
                + ",num_queues=" + 2 * port.queues() + ",mtu=" + port.mtu());
    }
}
