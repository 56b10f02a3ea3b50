package io.ringbridge.api;

import java.util.List;

/** A topic of the API, such as the ports. {@link ApiResources} lists all of them. */
interface Resource {
    /** Returns the operations, of which each has a method and a path of its own. */
    List<Route> routes();
}
