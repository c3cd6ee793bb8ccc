const pictures = new WeakMap();

// Called when the component is mounted and again whenever its data change.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-root");
  const onSelect = (side, index) => setTriggerValue("pin", { side, index });
  const options = Object.assign({}, data.options, { onSelect });
  root.classList.toggle("is-waiting", data.waiting);
  root.setAttribute("aria-busy", String(data.waiting));
  const picture = pictures.get(root);
  if (picture) picture.update(data.payload, options);
  else pictures.set(root, cctaRenderPair(root, data.payload, options));
  return () => {
    const last = pictures.get(root);
    if (last) last.destroy();
    pictures.delete(root);
  };
}
