package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/**
 * The difference between the configuration file and what runs.
 *
 * @param applied false after a dry run
 * @param settings the top-level keys that differ
 * @param added ports that are in the file only
 * @param removed ports that are not in the file
 * @param recreated ports with changes that a port cannot adopt, and the changed keys
 * @param changed ports with other changes, and the changed keys
 * @param unchanged ports that run as the file says
 * @param kept ports that were added while the switch ran and are not in the file
 * @param mirrors the mirrors
 */
public record ReloadView(boolean applied, Map<String, KeyChange> settings, List<String> added, List<String> removed,
                         Map<String, Map<String, KeyChange>> recreated, Map<String, Map<String, KeyChange>> changed,
                         List<String> unchanged, List<String> kept, MirrorChanges mirrors) {
}
