package io.ringbridge.cli.attach;

import java.util.List;

/** Options of a DPDK application that attaches by virtio-user. Its MTU is a matter of the application. */
final class VirtioUser {
    private VirtioUser() {
    }

    static List<String> options(final Target port) {
        return List.of("--single-file-segments", // otherwise, each hugepage is a memory region of its own
            "--vdev=net_virtio_user0,path=" + port.socketWithoutComma("--vdev") + ",mac=" + port.address()
                + ",queues=" + port.queues() + (port.queues() > 1 ? ",cq=1" : "")
                + (port.connects() ? "" : ",server=1"));
    }
}
