package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests the levels of single ports, through a logger. */
@Timeout(20)
class PortLevelsTest {
    private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.ringbridge.test");
    private final Level before = Logging.level();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    @BeforeEach
    void begin() {
        log.start();
        LOG.addAppender(log);
    }

    @AfterEach
    void end() {
        LOG.detachAppender(log);
        Logging.portLevels().keySet().forEach(port -> Logging.level(port, null));
        Logging.level(before);
    }

    private List<String> logged() {
        log.list.clear();
        for (final String port : List.of("vm1", "vm2")) {
            LOG.debug("port {}: detail {} of {}", port, 1, 2);
            LOG.info("port {}: {}", port, "news");
            LOG.warn("port {}: trouble", port);
        }
        LOG.debug("a detail");
        LOG.info("news");
        return log.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Test
    void aPortsLevelOverridesTheGeneralOne() {
        Logging.level(Level.INFO);
        Logging.level("vm1", Level.DEBUG);
        Logging.level("vm2", Level.WARN);
        assertEquals(Map.of("vm1", Level.DEBUG, "vm2", Level.WARN), Logging.portLevels());
        assertEquals(List.of("port vm1: detail 1 of 2", "port vm1: news", "port vm1: trouble", "port vm2: trouble",
            "news"), logged());
        Logging.level(Level.DEBUG);
        assertEquals(List.of("port vm1: detail 1 of 2", "port vm1: news", "port vm1: trouble", "port vm2: trouble",
            "a detail", "news"), logged());
    }

    @Test
    void aPortWithoutALevelHasTheGeneralOne() {
        Logging.level("vm1", Level.DEBUG);
        Logging.level("vm1", null);
        Logging.level(Level.WARN);
        assertEquals(List.of("port vm1: trouble", "port vm2: trouble"), logged());
    }
}
