// How a test tells a page in any browser what to do, without a driver: the page asks the server for its next command, and
// posts answers and whatever else it has to say.

export const page = new URLSearchParams(location.search).get("page");

async function post(path, body) {
  const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
}

let entries = [];
let posting;

/** Tells the test something. What gathers while a message is under way goes with the next one. */
export function log(entry) {
  entries.push(entry);
  posting ??= (async () => {
    while (entries.length > 0) {
      const gathered = entries;
      entries = [];
      await post("/log", { page, entries: gathered });
    }
    posting = undefined;
  })();
  return posting;
}

function fields(error) {
  return { name: String(error?.name), code: error?.code, message: String(error?.message ?? error), stack: error?.stack };
}

/** Does what the test asks for, as long as the page lives. */
export async function obey(actions) {
  addEventListener("error", ({ message }) => log({ problem: message }));
  addEventListener("unhandledrejection", ({ reason }) => log({ problem: `unhandled: ${reason?.code} ${reason?.message ?? reason}` }));
  for (;;) {
    let command;
    try {
      command = await (await fetch(`/next?page=${page}`)).json();
    } catch {
      // A page that was frozen finds its request broken.
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    if (command === null) continue;
    const { id, action, args } = command;
    Promise.resolve()
      .then(() => actions[action](...args))
      .then((result) => post("/answer", { page, id, result }), (error) => post("/answer", { page, id, error: fields(error) }));
  }
}
