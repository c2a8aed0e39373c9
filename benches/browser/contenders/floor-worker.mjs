import { openStore } from "./floor-store.mjs";

let store;
onmessage = async ({ data: [call, method, args] }) => {
  try {
    const result = method === "open" ? void (store = await openStore(...args)) : await store[method](...args);
    postMessage([call, result], result instanceof ArrayBuffer ? [result] : []);
  } catch (error) {
    postMessage([call, undefined, String(error)]);
  }
};
