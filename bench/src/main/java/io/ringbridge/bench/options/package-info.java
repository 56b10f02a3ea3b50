/** What the commands of {@code ringbridge bench} have in common on the command line. One thread uses them. */
package io.ringbridge.bench.options;
