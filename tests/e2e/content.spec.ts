// What people type, drop in or import is text. None of it becomes markup or runs, wherever it is shown.

import { attachmentsOf } from "./support/probe.ts";
import { expect, recorderHoard, test } from "./support/test.ts";

/** Each calls `caught`, which nothing else does, if it gets to run. */
const payloads = [
  `<script>caught("script")</script>`,
  `<img src=x onerror=caught("img")>`,
  `"><svg onload=caught("svg")>`,
  `<svg><script>caught("svg script")</script></svg>`,
  `javascript:caught("url")`,
  `<a href="javascript:caught('link')">link</a>`,
  `<iframe srcdoc="<script>parent.caught('frame')</script>"></iframe>`,
  `<iframe src="javascript:parent.caught('frame url')"></iframe>`,
  `<math><mtext></form><form><mglyph><style></math><img src onerror=caught("mutation")>`,
  `<style>@import 'data:text/css,*{background:url(javascript:caught(1))}'</style>`,
  `' onmouseover='caught("attribute")`,
  `" autofocus onfocus="caught('focus')`,
  "`${caught('template')}`",
  `{{constructor.constructor("caught('expression')")()}}`,
  `<details open ontoggle=caught("details")>`,
  `<video><source onerror=caught("source")></video>`,
  `<meta http-equiv="refresh" content="0;url=javascript:caught('meta')">`,
  `<base href="//example.invalid/">`,
  `<link rel="stylesheet" href="data:text/css,body{display:none}">`,
  `<template><script>caught("template element")</script></template>`,
  `<object data="javascript:caught('object')"></object>`,
  `<form action="javascript:caught('form')"><input type=submit autofocus></form>`,
  `\u202Egnp.exe`,
  `<!--><img src=x onerror=caught("comment")>-->`,
  `</title><script>caught("title")</script>`,
  `__proto__`,
  `constructor`,
];

test("a corpus of hostile texts is shown as text", async ({ page, server, probe }) => {
  const caught: string[] = [];
  await page.exposeFunction("caught", (what: string) => caught.push(what));
  const startedAt = Date.now() - 60_000;
  for (const [i, payload] of payloads.entries()) {
    await probe.call("save", recorderHoard, { id: payload, title: payload, startedAt: startedAt + i, category: payload, topics: [payload], tags: [payload] }, {
      notes: [{ at: startedAt + i, text: payload }],
      messages: [{ at: startedAt + i, from: payload, text: payload }],
    });
  }
  await page.goto(server.origin);
  const list = page.getByRole("navigation", { name: "Sessions" });
  await expect(list.getByRole("link")).toHaveCount(payloads.length);
  expect(await list.locator(".session-title").allTextContents()).toEqual([...payloads].reverse());

  for (const payload of payloads) {
    await page.goto(`${server.origin}/#/session/${encodeURIComponent(payload)}`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(payload);
    await expect(page.locator(".chip bdi")).toHaveText([payload, payload, payload]);
    await expect(page.locator(".notes .moment-text")).toHaveText(payload);
    await expect(page.locator(".messages .moment-text")).toHaveText(`${payload} ${payload}`);
    await page.keyboard.press("Delete");
    await expect(page.getByRole("dialog").getByText(payload, { exact: true })).toBeVisible();
    await page.keyboard.press("Escape");
  }
  expect(await page.locator("main :is(script, iframe, object, base, meta, link, template, form, details, math, style)").count()).toBe(0);
  expect(caught).toEqual([]);
});

test("hostile texts are searched for, found and shown as text", async ({ page, server, probe }) => {
  const caught: string[] = [];
  await page.exposeFunction("caught", (what: string) => caught.push(what));
  const startedAt = Date.now() - 60_000;
  for (const [i, payload] of payloads.entries()) {
    await probe.call("save", recorderHoard, { id: payload, title: payload, startedAt: startedAt + i, category: payload, topics: [payload], tags: [payload] }, {
      notes: [{ at: startedAt + i, text: `pelican ${payload}` }],
    });
  }
  await page.goto(`${server.origin}/#/search?q=pelican`);
  const titles = page.locator(".hit a");
  // In pages of 20.
  await page.getByRole("main").getByRole("button", { name: /Show more/ }).click();
  await expect(titles).toHaveCount(payloads.length);
  expect((await titles.allTextContents()).sort()).toEqual([...payloads].sort());
  const snippets = await page.locator(".snippet bdi").allTextContents();
  expect(snippets.sort()).toEqual(payloads.map((payload) => `pelican ${payload}`).sort());
  expect(await page.locator(".snippet mark").allTextContents()).toEqual(payloads.map(() => "pelican"));

  for (const payload of payloads) {
    // Chosen in the facets, typed into the field, and opened.
    await page.goto(`${server.origin}/#/search?${new URLSearchParams({ tags: payload }).toString()}`);
    await expect(titles).toHaveText([payload]);
    await expect(page.getByRole("group", { name: "Tags" }).getByRole("button", { pressed: true }).locator("bdi")).toHaveText(payload);
    await page.getByRole("searchbox").fill(payload);
    await expect(page.getByRole("searchbox")).toHaveValue(payload);
    await expect.poll(() => new URL(page.url()).hash).toBe(`#/search?${new URLSearchParams({ q: payload, tags: payload }).toString()}`);
    await page.getByRole("searchbox").fill("pelican");
    await expect(titles).toHaveText([payload]);
    await titles.first().click();
    await expect(page.locator("[data-sought] .moment-text")).toHaveText(`pelican ${payload}`);
  }
  expect(await page.locator("main :is(script, iframe, object, base, meta, link, template, math, style)").count()).toBe(0);
  expect(caught).toEqual([]);
});

test("files with hostile names and contents are shown as text and saved as bytes", async ({ page, server, probe }) => {
  const caught: string[] = [];
  await page.exposeFunction("caught", (what: string) => caught.push(what));
  const files = [
    { name: `<img src=x onerror=caught("name")>.txt`, mimeType: "text/plain", buffer: Buffer.from("text") },
    { name: "page.html", mimeType: "text/html", buffer: Buffer.from(`<script>opener.caught("html")</script>`) },
    { name: "drawing.svg", mimeType: "image/svg+xml", buffer: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="caught('svg')"/>`) },
    { name: "broken.png", mimeType: "image/png", buffer: Buffer.from(`<script>caught("png")</script>`) },
  ];
  await page.goto(server.origin);
  await page.getByLabel("Add files instead…").setInputFiles(files);
  await expect(page.locator(".file-name")).toHaveText(files.map(({ name }) => name));
  const [id = ""] = await probe.call("ids", recorderHoard);
  const { lists } = await probe.call("contents", recorderHoard, id);
  expect(lists["files"]?.map(({ name }) => name)).toEqual(files.map(({ name }) => name));
  expect(attachmentsOf(lists).map(({ size }) => size)).toEqual(files.map(({ buffer }) => buffer.length));

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save page.html" }).click();
  expect((await download).suggestedFilename()).toBe("page.html");
  await expect(page.locator("main :is(script, iframe, object, embed)")).toHaveCount(0);
  expect(caught).toEqual([]);
});

test("the policy allows no inline script, no eval, no foreign script and no markup from strings", async ({ context, server }) => {
  const page = await context.newPage();
  await page.goto(server.origin);
  await page.locator("h1").waitFor();
  const policy = await page.locator("meta[http-equiv='Content-Security-Policy']").getAttribute("content");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe-inline");
  expect(policy).not.toContain("'unsafe-eval'");
  const outcome = await page.evaluate(async () => {
    const outcome: Record<string, string> = {};
    const attempt = (name: string, run: () => unknown) => {
      try {
        run();
        outcome[name] = "allowed";
      } catch (error) {
        outcome[name] = (error as Error).name;
      }
    };
    attempt("markup", () => (document.createElement("div").innerHTML = "<b>x</b>"));
    attempt("foreign worker", () => new Worker("https://example.invalid/worker.js"));
    attempt("script text", () => (document.createElement("script").text = "1"));
    const style = document.createElement("style");
    style.textContent = "body { --inline: yes }";
    document.head.append(style);
    outcome["inline style"] = getComputedStyle(document.body).getPropertyValue("--inline") === "" ? "refused" : "allowed";
    outcome["foreign request"] = await fetch("https://example.invalid/").then(
      () => "allowed",
      () => "refused",
    );
    return outcome;
  });
  expect(outcome).toEqual({ markup: "TypeError", "foreign worker": "TypeError", "script text": "TypeError", "inline style": "refused", "foreign request": "refused" });
});
