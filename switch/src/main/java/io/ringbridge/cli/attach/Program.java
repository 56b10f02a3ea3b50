package io.ringbridge.cli.attach;

import java.util.List;
import java.util.Locale;

/** A program that runs machines, or connects to a port like one. */
public enum Program {
    QEMU {
        @Override
        public List<String> attach(final Target port, final Machine machine) {
            return Qemu.options(port, machine);
        }
    },
    LIBVIRT {
        @Override
        public List<String> attach(final Target port, final Machine machine) {
            return Libvirt.fragments(port);
        }
    },
    CLOUD_HYPERVISOR {
        @Override
        public List<String> attach(final Target port, final Machine machine) {
            return CloudHypervisor.options(port, machine);
        }
    },
    CROSVM {
        @Override
        public List<String> attach(final Target port, final Machine machine) {
            return Crosvm.options(port, machine);
        }
    },
    VIRTIO_USER {
        @Override
        public List<String> attach(final Target port, final Machine machine) {
            return VirtioUser.options(port);
        }
    };

    /**
     * Returns the lines that attach a machine to a port.
     *
     * @throws io.ringbridge.config.ConfigException if the program cannot attach to this port
     */
    public abstract List<String> attach(Target port, Machine machine);

    /** Returns the word for the command line. Picocli lists the choices by it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
