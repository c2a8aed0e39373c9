// What a page of these tests can do.
import { obey } from "./remote.js";
import * as store from "./store.js";
import * as leave from "./leave.js";
import * as load from "./load.js";
import * as space from "./space.js";
import * as tab from "./tab.js";

obey({ ...store, ...leave, ...load, ...space, ...tab });
