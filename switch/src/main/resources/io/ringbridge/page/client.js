// Requests to the API, and its stream of events.

const RETRY_MILLIS = 2000;

/** Returns the JSON at a path, or null if the switch does not have it. */
export async function get(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (response.status === 404) {
    return null;
  }
  if (!response.ok) {
    throw new Error(`${path}: status ${response.status}`);
  }
  return response.json();
}

/**
 * Follows the events, and resumes after a lost connection (HTML, "Server-sent events"). EventSource would need a list of
 * the kinds of events.
 */
export async function follow(onEvent) {
  let last = 0;
  for (;;) {
    try {
      const response = await fetch(`v1/events?after=${last}`,
        { headers: { Accept: "text/event-stream" }, cache: "no-store" });
      if (response.status === 404) {
        return;
      }
      if (response.ok) {
        for await (const message of messages(response.body)) {
          last = message.id ?? last;
          if (message.data !== undefined) {
            onEvent(JSON.parse(message.data));
          }
        }
      }
    } catch (error) {
      console.debug("the stream of events has ended", error);
    }
    await new Promise(resume => setTimeout(resume, RETRY_MILLIS));
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      yield parse(part);
    }
  }
}

/** Returns the fields of a message; a comment has none, and a message with an ID only sets the position. */
function parse(part) {
  const message = {};
  for (const line of part.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      message[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
    }
  }
  return message;
}
