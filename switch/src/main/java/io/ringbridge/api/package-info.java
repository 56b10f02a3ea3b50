/**
 * HTTP with JSON on a Unix socket: what a running switch shows and does for the command line, and for any other client.
 *
 * <p>The server answers on threads of its own and asks the switch through {@link io.ringbridge.api.SwitchControl}; the records here
 * are the JSON, key by key. Nothing of Jetty is loaded before a server or a client is made.
 */
package io.ringbridge.api;
