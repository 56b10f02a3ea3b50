/**
 * What joins ports to the world outside.
 */
package io.ringbridge.control;
