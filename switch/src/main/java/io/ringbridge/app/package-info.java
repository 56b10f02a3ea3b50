/**
 * The running switch: a datapath, its ports with a vhost-user back-end each, and what the API shows of them.
 *
 * <p>Ports come and go on the threads of whoever asks, one at a time; frames never pass through here.
 */
package io.ringbridge.app;
