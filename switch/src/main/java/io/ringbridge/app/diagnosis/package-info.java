/**
 * What is wrong with a port that does not work, in the words of whoever can put it right.
 *
 * <p>The rules see numbers only, {@link io.ringbridge.app.diagnosis.PortReading} and moves of stations, and a clock:
 * they touch neither ports nor files. {@link io.ringbridge.app.diagnosis.Diagnoses} reads the ports once per second, on
 * the observer's thread.
 */
package io.ringbridge.app.diagnosis;
