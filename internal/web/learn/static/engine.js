// The stepper itself: Go compiled to WebAssembly, which takes and gives JSON.

// load fetches the stepper and starts it. It returns the function that calls it.
export async function load() {
  if (typeof WebAssembly !== 'object' || typeof DecompressionStream !== 'function') {
    throw new Error('This browser has no WebAssembly or cannot unpack gzip: a newer one is needed.');
  }
  const packed = await fetch('stepper.wasm.gz');
  if (packed.status === 404) {
    throw new Error('This conch was built without the stepper. Run “make learn”, build conch again, and come back.');
  }
  if (!packed.ok) {
    throw new Error(`The stepper did not load: ${packed.status} ${packed.statusText}.`);
  }
  await import('./wasm_exec.js');
  const bytes = await unpack(await packed.arrayBuffer());
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
  go.run(instance); // it goes on for as long as the page is open
  return (request) => JSON.parse(globalThis.conchStepper(JSON.stringify(request)));
}

// unpack unpacks what is packed still: some servers say that a file named .gz is encoded, and
// the browser has unpacked it then.
async function unpack(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) {
    return bytes;
  }
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
