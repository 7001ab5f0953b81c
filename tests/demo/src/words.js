export const words = ["what", "was", "pinned", "is", "what", "was", "built"];

// Never used, and so never in the bundle.
export const others = ["what", "else"];
