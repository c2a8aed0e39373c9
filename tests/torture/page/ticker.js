// A clock for a page in the background, whose own timers the browser slows down to one a second.
setInterval(() => postMessage(undefined), 20);
