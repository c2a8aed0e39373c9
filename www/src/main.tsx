import { render } from "preact";
import { open } from "./hoard";
import { onKeyDown } from "./shortcuts";
import "./trusted-types";
import { App } from "./ui/app";

const root = document.getElementById("app");
if (root) render(<App />, root);
addEventListener("keydown", onKeyDown);
void open();
