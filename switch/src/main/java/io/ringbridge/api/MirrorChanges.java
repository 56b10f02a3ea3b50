package io.ringbridge.api;

import java.util.List;

/**
 * The difference between the mirrors of the configuration file and those that run, by their names.
 *
 * @param added mirrors that are in the file only
 * @param removed mirrors that end: they are not in the file, or their port is not
 * @param changed mirrors with other values in the file
 * @param unchanged mirrors that run as the file says
 * @param kept mirrors that were added while the switch ran and are not in the file
 */
public record MirrorChanges(List<String> added, List<String> removed, List<String> changed, List<String> unchanged,
                            List<String> kept) {
}
