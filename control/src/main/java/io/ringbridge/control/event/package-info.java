/**
 * The events in the life of ports: one log line and one object per event. Any thread may report an event, except
 * workers; subscribers read them at their own pace and never delay the reporter.
 */
@NullMarked
package io.ringbridge.control.event;

import org.jspecify.annotations.NullMarked;
