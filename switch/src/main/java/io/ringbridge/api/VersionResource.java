package io.ringbridge.api;

import java.util.List;

/** The version of the program and of the API. */
record VersionResource() implements Resource {
    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/version", _ -> Answer.of(view(), VersionResource::text)));
    }

    private static VersionView view() {
        final String version = VersionResource.class.getPackage().getImplementationVersion();
        return new VersionView(version == null ? "not packaged" : version, "v1", ProcessHandle.current().pid());
    }

    private static String text(final VersionView view) {
        return "ringbridge " + view.version() + ", API " + view.api() + ", process " + view.pid() + '\n';
    }
}
