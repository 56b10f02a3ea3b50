package io.ringbridge.app;

import io.ringbridge.api.RatesView;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortStatistics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;

@Timeout(60)
class RatesTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void ratesArePerSecondOfTheLastPeriod() {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, _ -> { })) {
            final GuestPort port = datapath.addGuestPort("a", 1, 1500);
            final Rates rates = new Rates();
            rates.sample(List.of(port), SECOND);
            assertEquals(RatesView.NONE, rates.of(port));
            port.continueFrom(new PortStatistics(100, 6400, 50, 3200, Map.of(DropReason.NO_BUFFER, 8L)));
            rates.sample(List.of(port), 3 * SECOND);
            assertEquals(new RatesView(50, 3200, 25, 1600, 4), rates.of(port));
            port.continueFrom(PortStatistics.NONE);
            rates.sample(List.of(port), 4 * SECOND);
            assertEquals(RatesView.NONE, rates.of(port), "a counter that goes back");
            rates.sample(List.of(), 5 * SECOND);
            assertEquals(RatesView.NONE, rates.of(port), "a port that was removed");
        }
    }
}
