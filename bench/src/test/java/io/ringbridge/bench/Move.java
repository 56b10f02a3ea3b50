package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.ProjectRoot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A completed migration.
 *
 * @param guest  the guest at its destination
 * @param result QEMU's answer to {@code query-migrate}
 */
record Move(QemuGuest guest, JsonNode result) {
    /** Migrates a guest, and ends QEMU at the source. If the migration fails, the guest stays at the source. */
    static Move of(final QemuGuest guest, final QemuGuest.Spec to, final GuestImage image, final Path directory) {
        final Path stream = directory.resolve("stream");
        final QemuGuest destination = QemuGuest.receive(to, image, directory, stream);
        final JsonNode result;
        try {
            result = guest.migrate(stream);
        } catch (final RuntimeException e) {
            destination.close();
            throw e;
        }
        guest.close();
        return new Move(destination, result);
    }

    /** Appends a line with the cost of the migration, and further results, to {@code target/migration.txt}. */
    void report(final String title, final int number, final Conversation.Silence silence, final String... more) {
        final int downtime = result.path("downtime").asInt();
        final String line = String.format("%s, move %d: total %d ms, downtime %d ms, %s, %d ms more than the "
            + "downtime%s%n",
            title, number + 1, result.path("total-time").asInt(), downtime, silence, silence.millis() - downtime,
            Stream.of(more).map(", "::concat).collect(Collectors.joining()));
        try {
            Files.writeString(ProjectRoot.target().resolve("migration.txt"), line, StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
