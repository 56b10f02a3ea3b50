package io.ringbridge.control.handover;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;

/** A record that was received. It closes the descriptors that nobody has taken from it. */
public final class StateRecord implements AutoCloseable {
    private final StateReader content;
    private final PassedDescriptors descriptors;

    /** Takes ownership of the descriptors. */
    StateRecord(final byte[] content, final Collection<Integer> descriptors) {
        this.descriptors = new PassedDescriptors(descriptors);
        this.content = new StateReader(ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN), this.descriptors);
    }

    /** Returns the record's content. It must be read before the record is closed. */
    public StateReader content() {
        return content;
    }

    /**
     * Returns the record's sections.
     *
     * @throws HandOverException if they are malformed, or not as expected
     */
    public Sections sections(final SectionKind... known) {
        return content.sections(known);
    }

    @Override
    public void close() {
        descriptors.close();
    }
}
