// What a word is: letters and digits, in lower case. Every contender that lets its caller say so is told the same.

export const SEPARATOR = /[^\p{L}\p{N}]+/u;

export const words = (text) => text.toLowerCase().split(SEPARATOR).filter(Boolean);
