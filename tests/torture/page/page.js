// What a page of these tests can do.
import { obey } from "./remote.js";
import * as store from "./store.js";
import * as load from "./load.js";

obey({ ...store, ...load });
