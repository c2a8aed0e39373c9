// Shows the fixture frames one after the other, as the screen they were taken from did. Each is decoded before it is shown,
// so that what is captured is a frame and never a blank between two.

const frameMs = 400;
const { frames } = await (await fetch("/fixtures/manifest.json")).json();

for (let i = 0; ; i = (i + 1) % frames.length) {
  const picture = new Image();
  picture.alt = "";
  picture.src = `/fixtures/${frames[i].file}`;
  await picture.decode();
  document.body.replaceChildren(picture);
  document.documentElement.dataset.frame = String(i);
  await new Promise((passed) => setTimeout(passed, frameMs));
}
