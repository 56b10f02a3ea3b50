/**
 * HTTP with JSON on a Unix socket: the API of a running switch for the command line and for other clients.
 *
 * <p>The server answers on its own threads and calls the switch through {@link io.ringbridge.api.SwitchControl}. The
 * records here are the JSON, key by key. Jetty's classes are loaded only once a server is created.
 */
@NullMarked
package io.ringbridge.api;

import org.jspecify.annotations.NullMarked;
