"""Cross-lingual adjustment: an encoder brought to read translations alike (docs/method.md, 7)."""
