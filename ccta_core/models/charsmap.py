"""Writes SentencePiece's precompiled normalisation map, so that `tokenizers` applies ours natively.

The format is a double-array trie (darts-clone) over UTF-8 keys, then the NUL-terminated outputs.
"""

import struct


def precompile(table: dict[str, str]) -> bytes:
    """`table` (character -> its normal form) as SentencePiece's `precompiled_charsmap`.

    Single characters are enough where the text is in NFC already (tokenizer.py): SentencePiece's
    own map nmt_nfkc lists sequences of letters and marks too, so that it composes by itself, but
    `tokenizers` does not read it so. It looks up a grapheme as a whole only where that has fewer
    than six bytes of UTF-8 (a Hangul syllable in letters has nine), takes the *shortest* key that
    the grapheme begins with ("e" + U+0323 of "e" + U+0323 + U+0302), and drops the rest.
    """
    outputs, places = bytearray(), {}
    for text in sorted(set(table.values())):
        places[text] = len(outputs)
        outputs += text.encode() + b"\0"
    trie = _double_array({key.encode(): places[value] for key, value in table.items()})
    packed = struct.pack(f"<{len(trie)}I", *trie)
    return struct.pack("<I", len(packed)) + packed + bytes(outputs)


_LEAF = 1 << 8
_VALUE = 1 << 31
_FAR = 1 << 21


def _double_array(values: dict[bytes, int]) -> list[int]:
    """The units of a darts-clone trie: child of node n by byte c at base(n) ^ c, base = n ^ offset.

    No two nodes share a base (it only grows): a byte's label then tells whose child a unit is.
    """
    units = {0: 0}
    queue = [(0, _tree(values))]
    base = 0
    while queue:
        node, children = queue.pop()
        base += 1
        while any(base ^ label in units for label in children):
            base += 1
        if base ^ node >= _FAR:
            raise ValueError(f"a trie of {len(units)} units is too large for 21-bit offsets")
        units[node] |= (base ^ node) << 10
        for label, child in children.items():
            units[base ^ label] = child | _VALUE if isinstance(child, int) else label
            if isinstance(child, int):
                units[node] |= _LEAF
            else:
                queue.append((base ^ label, child))
    return [units.get(place, 0) for place in range((max(units) | 0xFF) + 1)]


def _tree(values: dict[bytes, int]) -> dict:
    """Nested dicts by byte; the byte 0 holds the value of the string that ends there."""
    root: dict = {}
    for key, value in values.items():
        node = root
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = value
    return root
