package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.MirrorControl;
import io.ringbridge.api.MirrorView;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.MirrorConfig;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Displays, adds and removes the mirrors of a switch. Any thread may call. */
record Mirrors(Ports ports) implements MirrorControl {
    private static final String ADD = "mirror add";
    private static final int NOT_FOUND = 404;

    @Override
    public List<MirrorView> views() {
        return ports.mirrors().all().stream().map(Views::mirror).toList();
    }

    @Override
    public MirrorView view(final String name) {
        return Views.mirror(named(name));
    }

    @Override
    public MirrorView add(final String spec) {
        final MirrorConfig config = ConfigReader.parseMirror(ADD, spec);
        return ports.ifServing(() -> {
            final List<MirrorConfig> together = new ArrayList<>(ports.mirrors().configs());
            together.add(config);
            MirrorConfig.checkTogether(ADD, ports.configs(), together);
            ports.mirrors().begin(config, name -> ports.named(name).port(), true);
            return view(config.name());
        });
    }

    @Override
    public void remove(final String name) {
        ports.ifServing(() -> {
            ports.mirrors().end(named(name).config().name());
            return name;
        });
    }

    private MirrorSet.Running named(final String name) {
        final MirrorSet.Running found = ports.mirrors().find(name);
        if (found == null) {
            final List<MirrorConfig> present = ports.mirrors().configs();
            throw new ApiException(NOT_FOUND, "no mirror is named \"" + name + "\"; "
                + (present.isEmpty() ? "there is none" : "there are: "
                    + present.stream().map(MirrorConfig::name).collect(Collectors.joining(", "))));
        }
        return found;
    }
}
