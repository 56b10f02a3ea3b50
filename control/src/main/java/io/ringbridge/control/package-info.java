/**
 * Links: they connect ports to guests and to network devices.
 */
package io.ringbridge.control;
