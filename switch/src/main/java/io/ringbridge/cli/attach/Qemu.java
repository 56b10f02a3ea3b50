package io.ringbridge.cli.attach;

import java.util.ArrayList;
import java.util.List;

/** Options of QEMU. */
final class Qemu {
    private Qemu() {
    }

    static List<String> options(final Target port, final Machine machine) {
        final QemuVersion version = machine.qemu().get();
        final String name = port.name();
        final List<String> options = new ArrayList<>(List.of(
            "-object memory-backend-memfd,id=mem-ringbridge,size=" + machine.memory() + ",share=on",
            "-numa node,memdev=mem-ringbridge",
            "-chardev socket,id=chr-" + name + ",path=" + port.socket().toString().replace(",", ",,")
                + (port.connects() ? version.reconnect() : ",server=on,wait=off"),
            "-netdev vhost-user,id=net-" + name + ",chardev=chr-" + name + ",queues=" + port.queues()));
        if (port.iommu()) {
            // The IOMMU needs machine q35, and has to precede the devices behind it.
            options.add("-device intel-iommu,intremap=off,device-iotlb=on");
        }
        options.add("-device virtio-net-pci,netdev=net-" + name + ",mac=" + port.address()
            + (port.queues() > 1 ? ",mq=on" : "") + vectors(port.queues(), machine.kvm(), version)
            + ",host_mtu=" + port.mtu() + (port.iommu() ? ",disable-legacy=on,iommu_platform=on,ats=on" : ""));
        return options;
    }

    private static String vectors(final int queues, final boolean kvm, final QemuVersion version) {
        if (!kvm && version.crashesWithVectors()) {
            return ",vectors=0";
        }
        return queues > 1 ? ",vectors=" + (2 * queues + 2) : "";
    }
}
