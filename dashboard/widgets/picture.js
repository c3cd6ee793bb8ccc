// Called when the component is mounted and again whenever its data change.
// The picture hangs on its node, so that what saves it can find it.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-root");
  const onSelect = (side, index) => setTriggerValue("pin", { side, index });
  const onEdit = data.editable ? (edit) => setTriggerValue("edit", edit) : null;
  const options = Object.assign({}, data.options, { onSelect, onEdit });
  root.classList.toggle("is-waiting", data.waiting);
  root.setAttribute("aria-busy", String(data.waiting));
  if (root.cctaPicture) root.cctaPicture.update(data.payload, options);
  else root.cctaPicture = cctaRenderPair(root, data.payload, options);
  return () => {
    if (root.cctaPicture) root.cctaPicture.destroy();
    root.cctaPicture = null;
  };
}
