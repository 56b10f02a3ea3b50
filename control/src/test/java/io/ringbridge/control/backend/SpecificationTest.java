package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that the specification's numbers, the enums of this switch, and {@code docs/protocol.md} agree. */
class SpecificationTest {
    private static final Path ROOT = Path.of(System.getProperty("ringbridge.root"));
    private static final String DOCUMENT = "docs/protocol.md";
    private static final Pattern ROW =
        Pattern.compile("\\| (\\d+) \\| ([A-Z_]+) \\| ([^|]+) \\| (?:`(\\w+)\\.(\\w+)`)? ?\\|");

    private static final Pattern NAMED_TEST = Pattern.compile("`(\\w+Test)\\.(\\w+)`");

    @TempDir
    Path directory;

    /** Returns the lines of one kind, as {@code number name}. */
    private static Set<String> specification(final String kind) throws IOException {
        try (InputStream in = SpecificationTest.class.getResourceAsStream("/vhost-user-specification.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines()
                .filter(line -> line.startsWith(kind + ' '))
                .map(line -> line.substring(kind.length() + 1)).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static Set<String> set(final Stream<String> lines) {
        return lines.collect(Collectors.toCollection(TreeSet::new));
    }

    /** Returns the table rows under a heading of the document. */
    private static List<Matcher> rows(final String heading) throws IOException {
        final String text = Files.readString(ROOT.resolve(DOCUMENT));
        final int from = text.indexOf("### " + heading + '\n');
        assertTrue(from >= 0, heading);
        final int next = text.indexOf("\n##", from + 1);
        final List<Matcher> rows = new ArrayList<>();
        for (final String line : text.substring(from, next < 0 ? text.length() : next).lines().toList()) {
            if (line.matches("\\| \\d.*")) {
                final Matcher row = ROW.matcher(line);
                assertTrue(row.matches(), line);
                rows.add(row);
            }
        }
        return rows;
    }

    @Test
    void theEnumsHaveTheSpecificationsNumbers() throws Exception {
        assertEquals(specification("feature"),
            set(Arrays.stream(ProtocolFeature.values()).map(f -> f.bit() + " " + f)));
        assertEquals(specification("front-end"), set(Arrays.stream(Request.values()).map(r -> r.id() + " " + r)));
        assertEquals(specification("back-end"), set(Arrays.stream(BackendRequest.values()).map(r -> r.id() + " " + r)));
        assertEquals(45, specification("front-end").size() - 2, "1 to 45, and two that share a number");
    }

    @Test
    void theDocumentListsTheWholeSpecification() throws Exception {
        assertEquals(specification("feature"),
            set(rows("Protocol features").stream().map(r -> r.group(1) + ' ' + r.group(2))));
        assertEquals(specification("front-end"),
            set(rows("Requests of the front-end").stream().map(r -> r.group(1) + ' ' + r.group(2))));
        assertEquals(specification("back-end"),
            set(rows("Requests of the back-end").stream().map(r -> r.group(1) + ' ' + r.group(2))));
    }

    @Test
    void testsNamedByTheDocumentExist() throws Exception {
        final Map<String, String> sources = new HashMap<>();
        for (final String module : List.of("datapath", "control", "switch", "bench")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
                for (final Path file : files.filter(path -> path.toString().endsWith("Test.java")).toList()) {
                    sources.merge(file.getFileName().toString(), Files.readString(file), String::concat);
                }
            }
        }
        final Matcher named = NAMED_TEST.matcher(Files.readString(ROOT.resolve(DOCUMENT)));
        int found = 0;
        while (named.find()) {
            assertTrue(sources.getOrDefault(named.group(1) + ".java", "").contains("void " + named.group(2) + '('),
                named.group());
            found++;
        }
        assertTrue(found > 70, () -> "too few tests are named");
    }

    @Test
    void everyServedRowNamesATest() throws Exception {
        for (final String heading : List.of("Protocol features", "Requests of the front-end",
            "Requests of the back-end")) {
            for (final Matcher row : rows(heading)) {
                assertTrue(row.group(4) != null || "not sent".equals(row.group(3)), row.group());
            }
        }
    }

    @Test
    void theDocumentListsEveryOfferedVirtioFeature() throws Exception {
        final String text = Files.readString(ROOT.resolve(DOCUMENT));
        final String table = text.substring(text.indexOf("## Virtio features offered"), text.indexOf("`num_buffers`"));
        long documented = 0;
        for (final String line : table.lines().filter(row -> row.matches("\\| \\d.*")).toList()) {
            final String[] cells = line.split("\\|", -1);
            final String[] bits = cells[1].strip().split(", ", -1);
            documented |= Features.of(Arrays.stream(bits).mapToInt(Integer::parseInt).toArray());
            assertTrue(NAMED_TEST.matcher(cells[4]).find(), line);
        }
        assertEquals(Offer.virtio(2, SuspendOptions.DEFAULT, true) | Offer.IOMMU, documented);
    }

    @Test
    void protocolFeaturesAreOfferedAsDocumented() throws Exception {
        for (final Matcher row : rows("Protocol features")) {
            final long bit = ProtocolFeature.valueOf(row.group(2)).mask();
            final String treatment = row.group(3);
            assertEquals(treatment.startsWith("done"), (Offer.PROTOCOL & bit) != 0, row.group());
            assertEquals(treatment.startsWith("with `"), (Offer.OPTIONAL & bit) != 0, row.group());
        }
    }

    @Test
    void requestsNotServedAreRefused() throws Exception {
        try (SwitchFixture fixture = new SwitchFixture(directory.resolve("s")); EventFd event = EventFd.create()) {
            int refused = 0;
            for (final Matcher row : rows("Requests of the front-end")) {
                if (row.group(3).startsWith("refused")) {
                    final Request request = Request.valueOf(row.group(2));
                    try (TestPeer peer = fixture.peer()) {
                        peer.negotiated(Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES));
                        final int[] fds = new int[request.descriptors().min()];
                        Arrays.fill(fds, event.fd());
                        peer.send(request, Header.VERSION | Header.NEED_REPLY, new byte[request.payload().min()], fds);
                        try (Packet reply = peer.receive()) {
                            assertFalse(reply != null && Arrays.equals(new byte[8], reply.payload()), row.group());
                        }
                    }
                    refused++;
                }
            }
            assertTrue(refused > 0);
        }
    }
}
