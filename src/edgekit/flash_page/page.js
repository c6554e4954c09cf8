"use strict";
// Nothing but what this page holds is loaded: esptool-js and the image lie within it.
const at = id => document.getElementById(id);
const facts = JSON.parse(at("facts").textContent);
const AGAIN = "Then click again.";

function say(kind, text) {
  for (const name of ["status", "error"]) {
    at(name).textContent = name === kind ? text : "";
    at(name).hidden = name !== kind;
  }
}

function log(text) {
  at("log").textContent += `${text}\n`;
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

// What goes where: the merged image, and sectors that are to be empty.
function parts() {
  const image = {data: bytesOf(at("image").textContent.trim()), address: 0};
  const blank = facts.erased.map(([address, size]) => ({data: new Uint8Array(size).fill(0xff), address}));
  return [...blank, image];
}

class Plain extends Error {}  // an error whose words are for people already

const LOST = /lost|disconnect/i;
const GONE = "The board is gone: the cable was pulled, or it lost power. Until it is flashed to the end it may not start. " +
  `Connect it. ${AGAIN}`;
const CHOOSING = {
  NotFoundError: "No port was chosen. Connect the board with a data cable (not a charging one), click again and choose " +
    "its port. If none is listed, the driver of its USB chip (CP210x, CH340) may be missing.",
  SecurityError: "The browser gives this page no serial port. Open the page by itself, not within another, and click.",
};
// What an error means while something is done with the port, and what to do.
const DOING = {
  open: text => `The port cannot be opened: another program or page holds it, or you may not use it (${text}). Close ` +
    `serial monitors; on Linux you must be in the group dialout. ${AGAIN}`,
  connect: text => `No ${facts.board} answers at this port (${text}). Hold BOOT, press EN, release BOOT. ${AGAIN} If it ` +
    "answers and is lost, choose a lower rate.",
  write: text => `Flashing failed in the midst (${text}), and the board may not start. Choose a lower rate or a shorter ` +
    `cable. ${AGAIN}`,
};

async function check(loader, name) {
  const said = `Chip type: ${name}\nFeatures: ${(await loader.chip.getChipFeatures(loader)).join(", ")}`;
  if (!new RegExp(`^(?:${facts.detected})`).test(name)) {
    throw new Plain(`The board has an ${name}, not a ${facts.board}. Nothing was written. Connect a ${facts.board}.`);
  }
  if (facts.needs_two_cores && new RegExp(facts.one_core).test(said)) {
    throw new Plain(`The board's ${name} has one core; the firmware is built for two. Nothing was written.`);
  }
  const size = await loader.detectFlashSize();
  if (size && loader.flashSizeBytes(size) < facts.flash_bytes) {
    throw new Plain(`The board has ${size} of flash; the firmware needs ${facts.flash_bytes >> 20}MB. ` +
      "Nothing was written.");
  }
}

async function write(loader) {
  const fileArray = parts(), all = fileArray.reduce((sum, part) => sum + part.data.length, 0);
  const before = index => fileArray.slice(0, index).reduce((sum, part) => sum + part.data.length, 0);
  await loader.writeFlash({
    fileArray, flashMode: "keep", flashFreq: "keep", flashSize: "keep", eraseAll: false, compress: true,
    // of the data as they should be, not as they are here: a damaged page is found, too
    calculateMD5Hash: image => facts.md5[image.length],
    reportProgress: (index, written, total) => {
      at("progress").value = (before(index) + fileArray[index].data.length * written / total) / all;
    },
  });
}

async function choose() {
  try {
    return await navigator.serial.requestPort();
  } catch (error) {
    throw new Plain(CHOOSING[error.name] ?? `The browser gives no port: ${error.message}`, {cause: error});
  }
}

async function flash() {
  const {ESPLoader, Transport} = await esptool();
  const port = await choose();
  const gone = new Promise((_, reject) => {
    port.addEventListener("disconnect", () => reject(new Error("The device has been lost.")), {once: true});
  });
  gone.catch(() => {});  // it may come when nobody waits for it any more
  const transport = new Transport(port), terminal = {clean: () => {}, write: log, writeLine: log};
  let doing = "open";
  try {
    await transport.connect();  // to tell a port that is held from a board that is silent
    await transport.disconnect();
    doing = "connect";
    say("status", "Connecting.");
    const loader = new ESPLoader({transport, baudrate: Number(at("rate").value), terminal});
    await Promise.race([gone, (async () => {
      const name = await loader.main();
      await check(loader, name);
      doing = "write";
      say("status", `${name}: writing.`);
      at("progress").hidden = false;
      await write(loader);
      await loader.after("hard_reset");
    })()]);
  } catch (error) {
    if (error instanceof Plain) throw error;
    const text = String(error?.message ?? error);
    throw new Plain(LOST.test(text) ? GONE : DOING[doing](text), {cause: error});
  } finally {
    await Promise.race([gone, transport.disconnect()]).catch(() => {});
  }
}

// The library as it is published, a module, from the text that this page holds.
let loaded = null;
function esptool() {
  const source = new Blob([at("esptool-js").textContent], {type: "text/javascript"});
  return loaded ??= import(URL.createObjectURL(source));
}

async function clicked() {
  at("flash").disabled = true;
  at("progress").hidden = true;
  at("progress").value = 0;
  at("log").textContent = "";
  say("status", "Choose the board's port.");
  try {
    await flash();
    at("progress").value = 1;
    say("status", "Done: written and verified. The board starts the firmware.");
  } catch (error) {
    log(String(error.cause?.stack ?? error));
    say("error", error.message);
  }
  at("flash").disabled = false;
}

if (!window.isSecureContext) {
  say("error", "Web Serial works on pages from https:// or localhost alone. Open this page from there, or as a file.");
} else if (!("serial" in navigator)) {
  say("error", "This browser has no Web Serial. Use Chrome, Edge or Opera on a computer; Firefox, Safari and phones " +
    "lack it. Or flash from the command line: edgekit flash --port auto");
} else {
  esptool().then(() => { at("flash").disabled = false; }, error => say("error", error.message));
  at("flash").addEventListener("click", clicked);
}
