/**
 * The orders in which things become visible, tried with jcstress: the forwarding table, both sides of both ring layouts, the frame ring
 * with several producers, and completion by its sequence. What no outcome names is forbidden.
 */
package io.ringbridge.bench.stress;
