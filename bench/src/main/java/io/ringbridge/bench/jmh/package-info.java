/**
 * {@code ringbridge bench jmh}: the pieces that the datapath is made of, each beside what was considered in its place.
 *
 * <p>A benchmark's method is named after what it measures; the one that the switch uses is named {@code used}. They run in processes of
 * their own, one thread each.
 */
package io.ringbridge.bench.jmh;
