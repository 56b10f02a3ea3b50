package io.ringbridge.config;

/** The kinds of ports: the values of the key {@code type}. */
public enum PortKind {
    /** A virtual machine, over vhost-user. */
    VHOST_USER("a virtual machine"),
    /** A tap device. */
    TAP("the host's network"),
    /** An interface of the host, or capture files. */
    PCAP("an interface or capture files"),
    /** Another vhost-user back-end, such as passt. */
    BACKEND("another back-end");

    private final String help;

    PortKind(final String help) {
        this.help = help;
    }

    /** Returns the kind as written in configurations and output. */
    public String word() {
        return Spelling.word(this);
    }

    /** Returns what such a port connects to, for the help. */
    public String help() {
        return help;
    }
}
