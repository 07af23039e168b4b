package io.spdkio.bdev;

import java.util.Optional;

/**
 * An NVMe controller to attach to ({@code bdev_nvme_attach_controller}). Each of its namespaces becomes a device named
 * after it: {@code Nvme0n1} for namespace 1 of the controller {@code Nvme0}.
 *
 * @param name the name for the controller in this environment
 * @param transport how it is reached
 * @param address a PCI address such as {@code 0000:00:04.0}, an IP address, or the folder of a socket
 * @param serviceId the TCP or RDMA port; empty where there is none
 * @param subsystemNqn the subsystem's NVMe qualified name; empty on PCIe
 * @param hostNqn this host's NVMe qualified name; empty for SPDK's own
 */
public record NvmeTarget(
        String name,
        Transport transport,
        String address,
        Optional<String> serviceId,
        Optional<String> subsystemNqn,
        Optional<String> hostNqn) {
    /** How a controller is reached ({@code trtype}). */
    public enum Transport {
        /** The PCI bus. */
        PCIE("PCIe"),
        /** NVMe over TCP. */
        TCP("TCP"),
        /** NVMe over RDMA. */
        RDMA("RDMA"),
        /** A controller that another process emulates behind a vfio-user socket. */
        VFIO_USER("VFIOUSER");

        private final String label;

        Transport(String label) {
            this.label = label;
        }

        /**
         * The name in SPDK's methods.
         *
         * @return for instance {@code TCP}
         */
        public String label() {
            return label;
        }

        private boolean isFabric() {
            return this == TCP || this == RDMA;
        }
    }

    /** Checks that what the transport needs is there. */
    public NvmeTarget {
        BdevSpec.requireName(name);
        if (address.isBlank()) {
            throw new IllegalArgumentException("the address of controller '" + name + "' is blank");
        }
        if (transport.isFabric() && (serviceId.isEmpty() || subsystemNqn.isEmpty())) {
            throw new IllegalArgumentException(
                    "controller '" + name + "' is reached over a network: give its port and the subsystem's NQN");
        }
    }

    /**
     * A controller on the PCI bus.
     *
     * @param name the name for it
     * @param address its address, such as {@code 0000:00:04.0}
     * @return the target
     */
    public static NvmeTarget pcie(String name, String address) {
        return new NvmeTarget(name, Transport.PCIE, address, Optional.empty(), Optional.empty(), Optional.empty());
    }

    /**
     * A controller reached over TCP.
     *
     * @param name the name for it
     * @param address an IP address; one with colons is of version 6
     * @param port the TCP port, 4420 as a rule
     * @param subsystemNqn the subsystem's NVMe qualified name
     * @return the target
     */
    public static NvmeTarget tcp(String name, String address, int port, String subsystemNqn) {
        return new NvmeTarget(
                name,
                Transport.TCP,
                address,
                Optional.of(Integer.toString(port)),
                Optional.of(subsystemNqn),
                Optional.empty());
    }

    /**
     * The same, with a name for this host.
     *
     * @param nqn this host's NVMe qualified name
     * @return the new target
     */
    public NvmeTarget withHostNqn(String nqn) {
        return new NvmeTarget(name, transport, address, serviceId, subsystemNqn, Optional.of(nqn));
    }
}
