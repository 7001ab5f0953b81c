import { words } from "./words.js";
import { shout } from "./shout.js";

console.log(words.map(shout).join(" "));
