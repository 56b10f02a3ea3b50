/**
 * The datapath: workers move frames between ports. {@code Datapath} is the entry for its users.
 *
 * <p>The packages are the way of a frame, in the order {@code os}, {@code memory}, {@code ring}, {@code packet},
 * {@code port}, {@code frame}, {@code bridge}, {@code forward}, {@code worker}. Each uses only those before it.
 */
@NullMarked
package io.ringbridge.datapath;

import org.jspecify.annotations.NullMarked;
