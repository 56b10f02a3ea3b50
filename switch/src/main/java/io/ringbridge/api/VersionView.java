package io.ringbridge.api;

/**
 * The version of a running switch.
 *
 * @param version of the program
 * @param api the prefix of the API's paths
 * @param pid the process ID
 */
public record VersionView(String version, String api, long pid) {
}
