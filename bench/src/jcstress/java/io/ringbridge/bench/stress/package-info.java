/**
 * Tests of memory order with jcstress: the forwarding table, both sides of both ring layouts, the frame ring with
 * several producers, and completion by its sequence. A result that is not listed as an outcome is forbidden.
 */
package io.ringbridge.bench.stress;
