"""SAM 3: what a word or examples describe, clicks and boxes, and a memory."""
