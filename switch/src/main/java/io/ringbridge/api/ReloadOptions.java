package io.ringbridge.api;

/**
 * The options of a reload.
 *
 * @param dryRun whether to return the difference only
 * @param prune whether to remove ports that were added while the switch ran and are not in the file
 * @param recreate whether to remove and add ports with changes that a port cannot adopt; their guests lose the link
 */
public record ReloadOptions(boolean dryRun, boolean prune, boolean recreate) {
    /** Applies what can be applied to running ports. */
    public static final ReloadOptions DEFAULT = new ReloadOptions(false, false, false);
}
