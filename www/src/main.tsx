import { render } from "preact";
import { open } from "./hoard";
import { announceTab } from "./tabs";
import { onKeyDown } from "./shortcuts";
import "./trusted-types";
import { App } from "./ui/app";

const root = document.getElementById("app");
if (root) render(<App />, root);
addEventListener("keydown", onKeyDown);
announceTab();
void open();
