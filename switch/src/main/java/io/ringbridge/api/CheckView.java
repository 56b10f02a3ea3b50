package io.ringbridge.api;

/**
 * One check of a port, as shown by {@code diagnose}.
 *
 * @param state {@code ok}, {@code problem}, or {@code unknown} if nothing has happened yet that would show it
 * @param text the facts and, of a problem, the remedy
 */
public record CheckView(String check, String state, String text) {
}
