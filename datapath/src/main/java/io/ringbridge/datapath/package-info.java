/**
 * The datapath: from guest memory and virtqueues to the workers that move frames between ports. There are only
 * subpackages.
 */
@NullMarked
package io.ringbridge.datapath;

import org.jspecify.annotations.NullMarked;
