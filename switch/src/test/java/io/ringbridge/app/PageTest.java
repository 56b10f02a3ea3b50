package io.ringbridge.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the page in a browser: what it shows is what the API returns. */
@Timeout(120)
class PageTest {
    private static final List<Path> PROGRAMS = List.of(Path.of("/usr/bin/chromium"), Path.of("/usr/bin/chromedriver"));
    private static final int IN_FRAMES = 7;
    private static final int OUT_FRAMES = 8;
    private static final int DROPS = 9;

    @TempDir
    private Path dir;
    private Switch running;
    private ApiClient client;
    private TalkingGuests guests;
    private ChromeDriver browser;
    private String address;

    @BeforeEach
    void open() throws IOException {
        for (final Path program : PROGRAMS) {
            if (!Files.isExecutable(program)) {
                assertNotEquals("true", System.getenv("CI"), () -> program + " is missing");
                Assumptions.abort(program + " is missing; install chromium and chromium-driver");
            }
        }
        final int port = freePort();
        address = "http://127.0.0.1:" + port + "/";
        running = Switch.start(ConfigReader.parse("test", "http: {listen: " + port + "}\nstate: none\nports: [{name: a,"
            + " socket: " + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}, {name: idle, socket: "
            + dir.resolve("idle") + ", vlan: 10}]"));
        running.openApi(dir.resolve("api"));
        running.openPorts();
        running.openHttp();
        client = new ApiClient(dir.resolve("api"));
        guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES);
        browser = browser();
    }

    private static int freePort() throws IOException {
        try (ServerSocket any = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return any.getLocalPort();
        }
    }

    private static ChromeDriver browser() {
        final ChromeOptions options = new ChromeOptions();
        options.setBinary(PROGRAMS.getFirst().toFile());
        options.addArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1280,1000");
        options.setCapability("goog:loggingPrefs", Map.of(LogType.BROWSER, "ALL"));
        final File driver = PROGRAMS.getLast().toFile();
        return new ChromeDriver(new ChromeDriverService.Builder().usingDriverExecutable(driver).build(), options);
    }

    @AfterEach
    void close() throws Exception {
        if (browser != null) {
            browser.quit();
        }
        if (guests != null) {
            guests.close();
        }
        if (running != null) {
            running.close();
        }
    }

    private JsonNode api(final String path) {
        try {
            return new ObjectMapper().readTree(client.get(path));
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Stream<JsonNode> stream(final JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false);
    }

    private List<WebElement> rows(final String table) {
        return browser.findElements(By.cssSelector("#" + table + " tbody tr"));
    }

    /** Returns the cells of the row with a heading. */
    private List<WebElement> row(final String table, final String key) {
        return browser.findElements(By.cssSelector("#" + table + " tr[data-key='" + key + "'] > *"));
    }

    private static void await(final BooleanSupplier condition) {
        Await.until(() -> {
            try {
                return condition.getAsBoolean();
            } catch (final StaleElementReferenceException e) {
                return false; // the page replaced the element meanwhile
            }
        });
    }

    private void awaitPort(final String name, final String state) {
        await(() -> {
            final List<WebElement> cells = row("ports", "port " + name);
            return !cells.isEmpty() && cells.get(1).getText().startsWith(state);
        });
    }

    private static long total(final JsonNode drops) {
        return stream(drops).mapToLong(JsonNode::asLong).sum();
    }

    @Test
    void itsNumbersAreThoseOfTheApi() {
        guests.exchange(5000);
        assertTrue(guests.a.transmitter.transmit(new byte[10])); // a frame without a whole header is dropped
        Await.until(() -> total(api("/v1/ports").get(0).get("drops")) > 0);
        browser.get(address);
        awaitPort("a", "running");
        final JsonNode ports = api("/v1/ports");
        assertEquals(3, ports.size());
        for (final JsonNode port : ports) {
            final List<WebElement> cells = row("ports", "port " + port.get("name").asText());
            assertTrue(cells.getFirst().getText().startsWith(port.get("name").asText()));
            assertTrue(cells.get(1).getText().startsWith(port.get("state").asText()));
            assertEquals(digits(port.get("in_frames").asText()), digits(cells.get(IN_FRAMES).getText()));
            assertEquals(digits(port.get("out_frames").asText()), digits(cells.get(OUT_FRAMES).getText()));
            assertEquals(Long.toString(total(port.get("drops"))), cells.get(DROPS).getAttribute("data-value"));
            port.get("drops").fieldNames().forEachRemaining(reason -> assertTrue(
                cells.get(DROPS).getText().contains(reason), cells.get(DROPS).getText()));
        }
        assertTrue(row("ports", "port idle").get(1).getText().contains("no front-end has connected to "));
        final Set<String> stations = stream(api("/v1/fdb"))
            .map(each -> each.get("mac").asText() + " " + each.get("vlan").asText() + " " + each.get("port").asText())
            .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(2, stations.size());
        await(() -> rows("fdb").size() == stations.size());
        assertEquals(stations, rows("fdb").stream().map(each -> each.findElements(By.cssSelector("th, td")))
            .map(cells -> cells.get(0).getText() + " " + cells.get(1).getText() + " " + cells.get(2).getText())
            .collect(Collectors.toCollection(TreeSet::new)));
        assertEquals(api("/v1/workers").size(), rows("workers").size());
        await(() -> rows("latency").size() == ports.size());
        assertEquals(api("/v1/latency").get("ports").get(0).get("samples").asText(),
            row("latency", "latency a").getLast().getAttribute("data-value"));
        assertEquals(Math.max(1, api("/v1/interruptions").size()), rows("interruptions").size());
        assertEquals(List.of(), severe());
    }

    private static String digits(final String text) {
        return text.replaceAll("\\D", "");
    }

    /** Returns the errors in the browser's console, among them violations of the content security policy. */
    private List<String> severe() {
        return browser.manage().logs().get(LogType.BROWSER).getAll().stream()
            .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
            .map(Object::toString).toList();
    }

    @Test
    void ratesAndDropsAreOnTheLinks() throws Exception {
        guests.talk();
        browser.get(address);
        awaitPort("a", "running");
        await(() -> browser.findElements(By.cssSelector("#picture .rate.in")).stream()
            .anyMatch(rate -> rate.getText().endsWith("bit/s")));
        client.change("POST", "/v1/ports/b/suspend", null);
        await(() -> browser.findElements(By.cssSelector("#picture .dropping")).stream()
            .anyMatch(port -> port.getText().contains("drops/s")));
        final String text = browser.findElement(By.id("picture-text")).getAttribute("textContent");
        assertTrue(text.startsWith("Bridge with 3 ports: a running, b suspended, idle waiting."), text);
        save("page-desktop");
        client.change("POST", "/v1/ports/b/resume", null);
        guests.stop();
    }

    @Test
    void eventsArriveLiveAndCanBeSearched() {
        browser.get(address);
        awaitPort("b", "running");
        client.change("POST", "/v1/ports/b/suspend", null);
        await(() -> firstEvent().endsWith("b suspended by the operator"));
        awaitPort("b", "suspended");
        final int all = shownEvents();
        browser.findElement(By.id("events-search")).sendKeys("negotiated");
        await(() -> shownEvents() == 2);
        assertTrue(all > 2);
        client.change("POST", "/v1/ports/b/resume", null);
    }

    private String firstEvent() {
        return browser.findElements(By.cssSelector("#events li")).stream().findFirst().map(WebElement::getText)
            .orElse("");
    }

    private int shownEvents() {
        return (int) browser.findElements(By.cssSelector("#events li")).stream().filter(WebElement::isDisplayed)
            .count();
    }

    @Test
    void stationsCanBeSearched() {
        guests.exchange(10);
        browser.get(address);
        await(() -> rows("fdb").size() == 2);
        final String mac = stream(api("/v1/fdb")).filter(each -> each.get("port").asText().equals("a")).findFirst()
            .orElseThrow().get("mac").asText();
        browser.findElement(By.id("fdb-search")).sendKeys(mac);
        await(() -> rows("fdb").size() == 1);
        assertEquals("1 of 2 stations", browser.findElement(By.id("fdb-count")).getText());
        browser.findElement(By.id("fdb-search")).sendKeys("x");
        await(() -> rows("fdb").getFirst().getText().equals("No station is known."));
    }

    @Test
    void theKeyboardReachesEveryControl() {
        browser.get(address);
        awaitPort("a", "running");
        final Set<String> reached = new TreeSet<>();
        for (int i = 0; i < 12; i++) {
            browser.switchTo().activeElement().sendKeys(Keys.TAB);
            reached.add(browser.switchTo().activeElement().getAttribute("id"));
        }
        assertTrue(reached.containsAll(Set.of("pause", "rate-metric", "rate-direction", "events-search", "fdb-search")),
            reached.toString());
        final WebElement pause = browser.findElement(By.id("pause"));
        pause.sendKeys(Keys.SPACE);
        assertEquals("true", pause.getAttribute("aria-pressed"));
        await(() -> browser.findElement(By.id("status")).getText().equals("paused"));
    }

    @Test
    void aPhoneShowsEverythingWithoutScrollingSideways() throws IOException {
        browser.executeCdpCommand("Emulation.setDeviceMetricsOverride",
            Map.of("width", 360, "height", 780, "deviceScaleFactor", 1, "mobile", true));
        guests.exchange(5000);
        browser.get(address);
        awaitPort("a", "running");
        assertEquals(360L, browser.executeScript("return document.documentElement.scrollWidth"));
        assertEquals("In frames", browser.executeScript("return getComputedStyle(document.querySelector("
            + "\"#ports td[data-label='In frames']\"), '::before').content.replaceAll('\"', '')"));
        save("page-phone");
    }

    @Test
    void aSwitchThatEndsIsReported() {
        browser.get(address);
        awaitPort("a", "running");
        running.close();
        await(() -> browser.findElement(By.id("status")).getText().startsWith("no answer since "));
        assertFalse(row("ports", "port a").isEmpty(), "the last readings stay");
    }

    /** Saves a picture of the whole page in the build directory, for people to look at. */
    private void save(final String name) throws IOException {
        final Path target = Path.of(System.getProperty("ringbridge.root"), "switch", "target");
        final long height = (Long) browser.executeScript("return document.documentElement.scrollHeight");
        final long width = (Long) browser.executeScript("return window.innerWidth");
        browser.executeCdpCommand("Emulation.setDeviceMetricsOverride",
            Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 500));
        Files.write(target.resolve(name + ".png"), browser.getScreenshotAs(OutputType.BYTES));
    }
}
