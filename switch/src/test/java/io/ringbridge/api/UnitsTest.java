package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import io.ringbridge.config.Section;
import org.eclipse.jetty.http.HttpFields;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class UnitsTest {
    @ParameterizedTest
    @CsvSource({"0, 0", "999999, 999999", "1000000, 1.00M", "1234567, 1.23M", "9994999, 9.99M", "9995000, 10.0M",
        "99949999, 99.9M", "99950000, 100M", "999499999, 999M", "999500000, 1.00G", "12300000000, 12.3G",
        "9223372036854775807, 9.22E"})
    void countsHaveThreeDigitsAndAUnit(final long number, final String text) {
        assertEquals(text, new Units(false).count(number));
        assertTrue(text.length() <= 6, text);
        assertEquals(Long.toString(number), new Units(true).count(number));
    }

    @ParameterizedTest
    @CsvSource({"1024, 1 KiB", "1536, 1.5 KiB", "536870912, 512 MiB", "1610612736, 1.5 GiB", "1099511627776, 1 TiB"})
    void memoryHasABinaryUnit(final long bytes, final String text) {
        assertEquals(text, Units.memory(bytes));
    }

    @Test
    void onlyABooleanSelectsExactCounts() {
        assertEquals(new Units(false), Units.of(request(Map.of())));
        assertEquals(new Units(true), Units.of(request(Map.of("exact", "true"))));
        final ConfigException e = assertThrows(ConfigException.class, () -> Units.of(request(Map.of("exact", "yes"))));
        assertTrue(e.getMessage().contains("exact: \"yes\""), e.getMessage());
    }

    private static ApiRequest request(final Map<String, String> parameters) {
        return new ApiRequest(Map.of(), Section.ofParameters("show", parameters, List.of("exact")),
            HttpFields.EMPTY, "");
    }
}
